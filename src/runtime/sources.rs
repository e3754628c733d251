//! From the configured organisations to where their activity comes from.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use github_stats_actors::clock::Clock;
use github_stats_actors::scheduler::ActivitySource;
use secrecy::SecretString;

use super::Organisation;
use crate::config::{Config, GithubApi, GithubCredentials, OrgConfig, SecretSource};
use crate::github::quota::{HourlyCap, RateLimiter, RateLimiterSettings};
use crate::github::{
    Anonymous, AppSettings, AppToken, AutoSource, ClientBuildError, ClientSettings, GithubClient,
    GraphqlSource, HttpTransport, IdentifiedSource, IdentityRules, RequestMeter, RestSource, RetrySettings,
    SecretReader, StoredToken, TokenSource,
};

/// How long one request is tried again at most: then the cycle's failure says more than patience would help.
const RETRY_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Why an organisation's activity cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// The API's address cannot be used.
    #[error(transparent)]
    Client(#[from] ClientBuildError),
    /// The key of the pseudonyms cannot be read.
    #[error("identity.pseudonym_key cannot be read: {0}")]
    PseudonymKey(String),
}

/// Every configured organisation.
///
/// # Errors
/// The first one that cannot be asked for.
pub fn organisations(
    config: &Config,
    clock: &Arc<Clock>,
    meter: &Arc<dyn RequestMeter>,
) -> Result<Vec<Organisation>, SourcesError> {
    let mut builder = Sources::new(config, clock, meter);
    config.github.orgs.iter().map(|org| builder.organisation(org)).collect()
}

/// One configured organisation.
///
/// # Errors
/// When it cannot be asked for.
pub fn organisation(
    config: &Config,
    org: &OrgConfig,
    clock: &Arc<Clock>,
    meter: &Arc<dyn RequestMeter>,
) -> Result<Organisation, SourcesError> {
    Sources::new(config, clock, meter).organisation(org)
}

/// Makes sources; those that use the same credentials share one room, because GitHub counts them together.
struct Sources<'a> {
    config: &'a Config,
    clock: &'a Arc<Clock>,
    meter: &'a Arc<dyn RequestMeter>,
    shared: Vec<Shared>,
}

/// What everybody with the same credentials uses.
#[derive(Clone)]
struct Shared {
    credentials: GithubCredentials,
    tokens: Arc<dyn TokenSource>,
    room: Arc<RateLimiter>,
}

impl<'a> Sources<'a> {
    fn new(config: &'a Config, clock: &'a Arc<Clock>, meter: &'a Arc<dyn RequestMeter>) -> Self {
        Sources { config, clock, meter, shared: Vec::new() }
    }

    fn organisation(&mut self, org: &OrgConfig) -> Result<Organisation, SourcesError> {
        let concurrency = usize::try_from(org.per_org_concurrency).unwrap_or(1);
        let github = &self.config.github;
        let wire = HttpTransport::new(github.api_base_url.as_str(), github.request_timeout)?;
        let credentials = org.credentials();
        let shared = self.shared(&credentials, &wire);
        let room = shared.room.clone();
        let cap = u64::from(org.max_api_points_per_hour);
        let client = GithubClient::new(ClientSettings {
            org: org.org.as_str().into(),
            wire,
            tokens: shared.tokens,
            room: shared.room,
            cap: (cap > 0).then(|| Arc::new(Mutex::new(HourlyCap::new(cap)))),
            concurrency,
            retry: self.retry(),
            clock: self.clock.clone(),
            meter: self.meter.clone(),
        });
        Ok(Organisation {
            org: org.org.as_str().into(),
            source: self.source(org, client, &credentials)?,
            rate_limiter: room,
            interval: org.scrape_interval,
            concurrency,
        })
    }

    fn source(
        &self,
        org: &OrgConfig,
        client: GithubClient,
        credentials: &GithubCredentials,
    ) -> Result<Arc<dyn ActivitySource>, SourcesError> {
        let patterns = org.clone();
        let selects = Arc::new(move |name: &str| patterns.selects(name));
        let personas = personas(self.config)?;
        Ok(match (self.config.github.api, credentials) {
            (GithubApi::Graphql, _) => {
                Arc::new(IdentifiedSource::new(GraphqlSource::new(client, selects), personas))
            }
            (GithubApi::Rest, _) => {
                Arc::new(IdentifiedSource::new(RestSource::new(client, selects), personas))
            }
            (GithubApi::Auto, GithubCredentials::Anonymous) => {
                tracing::warn!(
                    org = org.org,
                    "there are no credentials, which GraphQL wants: collecting over REST, 60 requests an hour"
                );
                Arc::new(IdentifiedSource::new(RestSource::new(client, selects), personas))
            }
            (GithubApi::Auto, _) => {
                Arc::new(IdentifiedSource::new(AutoSource::new(client, selects), personas))
            }
        })
    }

    fn shared(&mut self, credentials: &GithubCredentials, wire: &HttpTransport) -> Shared {
        if let Some(shared) = self.shared.iter().find(|shared| shared.credentials == *credentials) {
            return shared.clone();
        }
        let limits = &self.config.rate_limit;
        let settings = RateLimiterSettings {
            min_remaining: limits.min_remaining_threshold.into(),
            reset_buffer: limits.min_reset_buffer,
            secondary_backoff: limits.secondary_limit_backoff,
            ..RateLimiterSettings::default()
        };
        let shared = Shared {
            credentials: credentials.clone(),
            tokens: self.tokens(credentials, wire),
            room: RateLimiter::new(settings, self.clock.clone()),
        };
        self.shared.push(shared.clone());
        shared
    }

    fn tokens(&self, credentials: &GithubCredentials, wire: &HttpTransport) -> Arc<dyn TokenSource> {
        match credentials {
            GithubCredentials::Anonymous => Arc::new(Anonymous),
            GithubCredentials::Token(source) => Arc::new(StoredToken(reader(source))),
            GithubCredentials::App { app_id, installation_id, private_key } => {
                let settings = AppSettings {
                    app_id: *app_id,
                    installation_id: *installation_id,
                    private_key: reader(private_key),
                };
                Arc::new(AppToken::new(settings, wire.clone(), self.clock.clone()))
            }
        }
    }

    fn retry(&self) -> RetrySettings {
        let retry = &self.config.retry;
        RetrySettings {
            max_attempts: usize::try_from(retry.max_attempts).unwrap_or(1),
            initial_backoff: retry.initial_backoff,
            max_backoff: retry.max_backoff,
            jitter: retry.jitter,
            deadline: RETRY_DEADLINE,
        }
    }
}

/// Read at each use, so that a rotated file needs no restart.
fn reader(source: &SecretSource) -> SecretReader {
    let source = source.clone();
    Arc::new(move || {
        let secret = source.read().map_err(|error| error.to_string())?;
        Ok(SecretString::from(secret.expose().to_owned()))
    })
}

/// The key is read once: another key gives other pseudonyms, which is for the next start to decide.
fn personas(config: &Config) -> Result<IdentityRules, SourcesError> {
    let identity = &config.identity;
    let key = match identity.pseudonym_key().filter(|_| identity.pseudonymize) {
        Some(source) => {
            let secret = source.read().map_err(|error| SourcesError::PseudonymKey(error.to_string()))?;
            Some(SecretString::from(secret.expose().to_owned()))
        }
        None => None,
    };
    Ok(IdentityRules::new(identity.exclude_bots, identity.aliases.clone(), key))
}

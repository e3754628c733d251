//! Builds the activity sources of the configured organisations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use github_stats_actors::clock::Clock;
use github_stats_actors::source::ActivitySource;
use secrecy::SecretString;

use super::Organisation;
use crate::config::{Config, GithubApi, GithubCredentials, OrgConfig, SecretSource};
use crate::github::quota::{HourlyCap, RateLimiter, RateLimiterSettings};
use crate::github::{
    Anonymous, AppSettings, AppToken, AutoSource, ClientBuildError, ClientSettings, GithubClient,
    GraphqlSource, HttpTransport, IdentifiedSource, IdentityRules, RequestMeter, RestSource, RetrySettings,
    SecretReader, StoredToken, TokenSource,
};

/// A request is retried no longer than this; the cycle then fails with its error.
const RETRY_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Why the activity source of an organisation cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// The URL of the API cannot be used.
    #[error(transparent)]
    Client(#[from] ClientBuildError),
    /// The key for pseudonyms cannot be read.
    #[error("identity.pseudonym_key cannot be read: {0}")]
    PseudonymKey(String),
}

/// Builds the sources of all configured organisations.
///
/// # Errors
/// The error of the first one that cannot be built.
pub fn organisations(
    config: &Config,
    clock: &Arc<Clock>,
    meter: &Arc<dyn RequestMeter>,
) -> Result<Vec<Organisation>, SourcesError> {
    let mut builder = SourceBuilder::new(config, clock, meter);
    config.github.orgs.iter().map(|org| builder.organisation(org)).collect()
}

/// Builds the source of one configured organisation.
///
/// # Errors
/// If it cannot be built.
pub fn organisation(
    config: &Config,
    org: &OrgConfig,
    clock: &Arc<Clock>,
    meter: &Arc<dyn RequestMeter>,
) -> Result<Organisation, SourcesError> {
    SourceBuilder::new(config, clock, meter).organisation(org)
}

/// Builds sources. Those with the same credentials share a rate limiter, because GitHub counts them
/// together.
struct SourceBuilder<'a> {
    config: &'a Config,
    clock: &'a Arc<Clock>,
    meter: &'a Arc<dyn RequestMeter>,
    shared: Vec<SharedAccess>,
}

/// What the organisations with the same credentials share.
#[derive(Clone)]
struct SharedAccess {
    credentials: GithubCredentials,
    tokens: Arc<dyn TokenSource>,
    rate_limiter: Arc<RateLimiter>,
}

impl<'a> SourceBuilder<'a> {
    fn new(config: &'a Config, clock: &'a Arc<Clock>, meter: &'a Arc<dyn RequestMeter>) -> Self {
        SourceBuilder { config, clock, meter, shared: Vec::new() }
    }

    fn organisation(&mut self, org: &OrgConfig) -> Result<Organisation, SourcesError> {
        let concurrency = usize::try_from(org.per_org_concurrency).unwrap_or(1);
        let github = &self.config.github;
        let transport = HttpTransport::new(github.api_base_url.as_str(), github.request_timeout)?;
        let credentials = org.credentials();
        let shared = self.shared(&credentials, &transport);
        let rate_limiter = shared.rate_limiter.clone();
        let cap = u64::from(org.max_api_points_per_hour);
        let client = GithubClient::new(ClientSettings {
            org: org.org.as_str().into(),
            transport,
            tokens: shared.tokens,
            rate_limiter: shared.rate_limiter,
            cap: (cap > 0).then(|| Arc::new(Mutex::new(HourlyCap::new(cap)))),
            concurrency,
            retry: self.retry(),
            clock: self.clock.clone(),
            meter: self.meter.clone(),
        });
        Ok(Organisation {
            org: org.org.as_str().into(),
            source: self.source(org, client, &credentials)?,
            rate_limiter,
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
        let rules = identity_rules(self.config)?;
        Ok(match (self.config.github.api, credentials) {
            (GithubApi::Graphql, _) => {
                Arc::new(IdentifiedSource::new(GraphqlSource::new(client, selects), rules))
            }
            (GithubApi::Rest, _) => Arc::new(IdentifiedSource::new(RestSource::new(client, selects), rules)),
            (GithubApi::Auto, GithubCredentials::Anonymous) => {
                tracing::warn!(
                    org = org.org,
                    "there are no credentials, which GraphQL requires: collecting over REST, 60 requests per hour"
                );
                Arc::new(IdentifiedSource::new(RestSource::new(client, selects), rules))
            }
            (GithubApi::Auto, _) => Arc::new(IdentifiedSource::new(AutoSource::new(client, selects), rules)),
        })
    }

    fn shared(&mut self, credentials: &GithubCredentials, transport: &HttpTransport) -> SharedAccess {
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
        let shared = SharedAccess {
            credentials: credentials.clone(),
            tokens: self.tokens(credentials, transport),
            rate_limiter: RateLimiter::new(settings, self.clock.clone()),
        };
        self.shared.push(shared.clone());
        shared
    }

    fn tokens(&self, credentials: &GithubCredentials, transport: &HttpTransport) -> Arc<dyn TokenSource> {
        match credentials {
            GithubCredentials::Anonymous => Arc::new(Anonymous),
            GithubCredentials::Token(source) => Arc::new(StoredToken(reader(source))),
            GithubCredentials::App { app_id, installation_id, private_key } => {
                let settings = AppSettings {
                    app_id: *app_id,
                    installation_id: *installation_id,
                    private_key: reader(private_key),
                };
                Arc::new(AppToken::new(settings, transport.clone(), self.clock.clone()))
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

/// Reads a secret at each use, so that a rotated file needs no restart.
fn reader(source: &SecretSource) -> SecretReader {
    let source = source.clone();
    Arc::new(move || {
        let source = source.clone();
        async move {
            let secret = source.read().await.map_err(|error| error.to_string())?;
            Ok(SecretString::from(secret.expose().to_owned()))
        }
        .boxed()
    })
}

/// The key is read only at the start: another key would give other pseudonyms.
fn identity_rules(config: &Config) -> Result<IdentityRules, SourcesError> {
    let identity = &config.identity;
    let key = match identity.pseudonym_key().filter(|_| identity.pseudonymize) {
        Some(source) => {
            let secret =
                source.read_blocking().map_err(|error| SourcesError::PseudonymKey(error.to_string()))?;
            Some(SecretString::from(secret.expose().to_owned()))
        }
        None => None,
    };
    Ok(IdentityRules::new(identity.exclude_bots, identity.aliases.clone(), key))
}

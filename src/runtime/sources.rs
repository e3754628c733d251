//! From the configured organisations to where their activity comes from.

use std::sync::Arc;

use github_stats_actors::clock::Clock;
use secrecy::SecretString;

use super::Organisation;
use crate::config::{Config, Credentials, OrgConfig};
use crate::github::{
    BuildError, Client, ClientSettings, RequestMeter, RestSource, RetrySettings, TokenSource,
};

/// Why an organisation's activity cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// The API's address cannot be used.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The credentials are of a kind this version cannot use.
    #[error(
        "organisation \"{org}\" has GitHub App credentials, which this version cannot use yet; give a token in token_file or GITHUB_TOKEN"
    )]
    AppCredentials {
        /// Whose.
        org: String,
    },
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
    config.github.orgs.iter().map(|org| organisation(config, org, clock, meter)).collect()
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
    let concurrency = usize::try_from(org.per_org_concurrency).unwrap_or(1);
    let client = Client::new(ClientSettings {
        org: org.org.as_str().into(),
        base_url: config.github.api_base_url.as_str().to_owned(),
        token: token(org)?,
        request_timeout: config.github.request_timeout,
        concurrency,
        retry: RetrySettings {
            max_attempts: usize::try_from(config.retry.max_attempts).unwrap_or(1),
            initial_backoff: config.retry.initial_backoff,
            max_backoff: config.retry.max_backoff,
            jitter: config.retry.jitter,
        },
        clock: clock.clone(),
        meter: meter.clone(),
    })?;
    let patterns = org.clone();
    let selects = Arc::new(move |name: &str| patterns.selects(name));
    Ok(Organisation {
        org: org.org.as_str().into(),
        source: Arc::new(RestSource::new(client, selects)),
        interval: org.scrape_interval,
        concurrency,
    })
}

/// The token is read for every request, so that a rotated file needs no restart.
fn token(org: &OrgConfig) -> Result<TokenSource, SourcesError> {
    match org.credentials() {
        Credentials::Anonymous => Ok(Arc::new(|| Ok(None))),
        Credentials::Token(source) => Ok(Arc::new(move || {
            let secret = source.read().map_err(|error| error.to_string())?;
            Ok(Some(SecretString::from(secret.expose().to_owned())))
        })),
        Credentials::App { .. } => Err(SourcesError::AppCredentials { org: org.org.clone() }),
    }
}

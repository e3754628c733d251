//! The section `github`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, GithubApi, HttpUrl, OrgConfig};

section! {
    /// GitHub and the organisations to collect.
    pub struct GithubConfig {
        /// Base URL of the REST API; for GitHub Enterprise Server `https://HOST/api/v3`.
        api_base_url: HttpUrl = HttpUrl::github(),
        /// The API to use; `auto`: GraphQL if there is a token and the server supports it, else
        /// REST.
        api: GithubApi = GithubApi::Auto,
        /// Timeout of one request, from connecting to the last byte.
        request_timeout: Duration = Duration::from_secs(20),
        /// Consecutive failed cycles after which scraping of an organisation is paused.
        unhealthy_failure_threshold: u32 = 6,
        /// How long scraping of such an organisation is paused.
        unhealthy_cooldown: Duration = Duration::from_secs(120),
        /// The organisations to collect.
        orgs: Vec<OrgConfig> = Vec::new(),
    }
}

impl GithubConfig {
    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.positive("github.request_timeout", self.request_timeout)?;
        checks.positive("github.unhealthy_cooldown", self.unhealthy_cooldown)?;
        checks.at_least_one("github.unhealthy_failure_threshold", self.unhealthy_failure_threshold.into())?;
        if self.orgs.is_empty() {
            checks.warn("github.orgs", "no organisation is configured, so nothing will be collected");
        }
        for (i, org) in self.orgs.iter().enumerate() {
            org.check(checks, &format!("github.orgs[{i}]"), self.api)?;
        }
        self.check_distinct(checks)
    }

    /// Two entries of one organisation would collect it twice and race for its quota.
    fn check_distinct(&self, checks: &Checks<'_>) -> Result<(), ConfigError> {
        let mut seen = BTreeMap::new();
        for (i, org) in self.orgs.iter().enumerate() {
            let first = *seen.entry(org.org.to_lowercase()).or_insert(i);
            let key = format!("github.orgs[{i}].org");
            checks.require(first == i, &[&key], || {
                format!("{key} is {:?}, which github.orgs[{first}] already is", org.org)
            })?;
        }
        Ok(())
    }
}

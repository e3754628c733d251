//! One entry of `github.orgs`.

use std::path::PathBuf;
use std::time::Duration;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, GithubApi, GithubCredentials, RepoPattern, Secret, SecretSource};

section! {
    /// One organisation: its credentials, its scrape interval and its repositories.
    pub struct OrgConfig {
        /// Login of the organisation. Required.
        org: String = String::new(),
        /// Personal access token; without any credentials `GITHUB_TOKEN` is used.
        token: Secret = Secret::default(),
        /// File that contains `token`, read again when it changes.
        token_file: Option<PathBuf> = None,
        /// Id of a GitHub App, used with `installation_id` and `private_key_path` instead of a
        /// token.
        app_id: Option<u64> = None,
        /// Id of the App's installation in this organisation.
        installation_id: Option<u64> = None,
        /// PEM file with the App's private key, read again when it changes.
        private_key_path: Option<PathBuf> = None,
        /// Time between the starts of two scrapes.
        scrape_interval: Duration = Duration::from_secs(300),
        /// Repositories to collect, by name or glob.
        repo_allowlist: Vec<RepoPattern> = vec![RepoPattern::everything()],
        /// Repositories to exclude, even if the allowlist names them.
        repo_denylist: Vec<RepoPattern> = Vec::new(),
        /// Requests to GitHub in flight at once.
        per_org_concurrency: u32 = 4,
        /// API points to spend per hour at most; 0: no limit besides GitHub's own.
        max_api_points_per_hour: u32 = 0,
    }
}

impl OrgConfig {
    /// An organisation with every other key at its default.
    #[must_use]
    pub fn named(org: impl Into<String>) -> Self {
        Self { org: org.into(), ..Self::default() }
    }

    /// The credentials. A token takes precedence over an App; a valid configuration never has both.
    #[must_use]
    pub fn credentials(&self) -> GithubCredentials {
        if let Some(token) = SecretSource::of(&self.token, self.token_file.as_deref()) {
            return GithubCredentials::Token(token);
        }
        match (self.app_id, self.installation_id, &self.private_key_path) {
            (Some(app_id), Some(installation_id), Some(path)) => GithubCredentials::App {
                app_id,
                installation_id,
                private_key: SecretSource::File(path.clone()),
            },
            _ => GithubCredentials::Anonymous,
        }
    }

    /// Whether a repository, by its name without the owner, is to be collected.
    #[must_use]
    pub fn selects(&self, repo: &str) -> bool {
        self.repo_allowlist.iter().any(|pattern| pattern.matches(repo))
            && !self.repo_denylist.iter().any(|pattern| pattern.matches(repo))
    }

    pub(super) fn has_credentials(&self) -> bool {
        self.has_token() || self.has_app()
    }

    fn has_token(&self) -> bool {
        !self.token.is_empty() || self.token_file.is_some()
    }

    fn has_app(&self) -> bool {
        self.app_id.is_some() || self.installation_id.is_some() || self.private_key_path.is_some()
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>, at: &str, api: GithubApi) -> Result<(), ConfigError> {
        self.check_name(checks, at)?;
        self.check_credentials(checks, at, api)?;
        checks.positive(&format!("{at}.scrape_interval"), self.scrape_interval)?;
        // GitHub answers more than 100 requests in flight with a secondary rate limit.
        checks.between(&format!("{at}.per_org_concurrency"), self.per_org_concurrency, 1, 100)?;
        let allowlist = format!("{at}.repo_allowlist");
        checks.require(!self.repo_allowlist.is_empty(), &[&allowlist], || {
            format!("{allowlist} is empty, so that no repository would be collected; use [\"*\"] for all")
        })
    }

    fn check_name(&self, checks: &Checks<'_>, at: &str) -> Result<(), ConfigError> {
        let key = format!("{at}.org");
        checks.require(!self.org.is_empty(), &[&key, at], || {
            format!("{key} is missing or empty; it is the organisation's login, such as acme")
        })?;
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        checks.require(self.org.len() <= 100 && self.org.chars().all(valid), &[&key], || {
            format!("{key} must be an organisation's login, such as acme, but is {:?}", self.org)
        })
    }

    fn check_credentials(
        &self,
        checks: &mut Checks<'_>,
        at: &str,
        api: GithubApi,
    ) -> Result<(), ConfigError> {
        let key = |name: &str| format!("{at}.{name}");
        checks.not_both(&key("token"), !self.token.is_empty(), self.token_file.is_some())?;
        let token = if self.token_file.is_some() { key("token_file") } else { key("token") };
        checks.require(!(self.has_token() && self.has_app()), &[&token], || {
            format!("{token} is set in addition to a GitHub App (app_id, installation_id, private_key_path); keep one of them")
        })?;
        if self.has_app() {
            self.check_app(checks, at)?;
        }
        if !self.has_credentials() {
            return self.check_anonymous(checks, at, api);
        }
        Ok(())
    }

    fn check_app(&self, checks: &Checks<'_>, at: &str) -> Result<(), ConfigError> {
        let parts = [
            ("app_id", self.app_id.is_some()),
            ("installation_id", self.installation_id.is_some()),
            ("private_key_path", self.private_key_path.is_some()),
        ];
        let keys = parts.map(|(name, _)| format!("{at}.{name}"));
        let present: Vec<&str> = keys.iter().map(String::as_str).collect();
        let missing: Vec<&str> = parts.iter().filter(|(_, set)| !set).map(|(name, _)| *name).collect();
        checks.require(missing.is_empty(), &present, || {
            format!(
                "{at} has no {}; a GitHub App needs app_id, installation_id and private_key_path together",
                missing.join(" and no "),
            )
        })
    }

    fn check_anonymous(&self, checks: &mut Checks<'_>, at: &str, api: GithubApi) -> Result<(), ConfigError> {
        checks.require(api != GithubApi::Graphql, &["github.api"], || {
            format!("github.api is graphql, which needs credentials, but {at} ({}) has none; set {at}.token_file or GITHUB_TOKEN", self.org)
        })?;
        checks.warn(
            at,
            &format!(
                "{} has no credentials and GITHUB_TOKEN is not set: only public data is visible, at 60 requests per hour",
                self.org,
            ),
        );
        Ok(())
    }
}

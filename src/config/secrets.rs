//! All secrets of a configuration, to check that they can be read.

use super::{Config, ConfigError, GithubCredentials, SecretSource};

impl Config {
    /// Every configured secret with the key that sets it, such as `github.orgs[0].token_file`.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, SecretSource)> {
        let named = [
            ("server.admin_token", self.server.admin_token()),
            ("identity.pseudonym_key", self.identity.pseudonym_key()),
            ("amqp.url", self.amqp.url()),
            ("store.redis_password", self.store.redis_password()),
        ];
        let of_sections = named.into_iter().filter_map(|(key, source)| Some(keyed(key, source?)));
        of_sections.chain(self.secrets_of_orgs()).collect()
    }

    fn secrets_of_orgs(&self) -> impl Iterator<Item = (String, SecretSource)> {
        let orgs = self.github.orgs.iter().enumerate();
        orgs.filter_map(|(i, org)| match org.credentials() {
            GithubCredentials::Token(token) => Some(keyed(&format!("github.orgs[{i}].token"), token)),
            GithubCredentials::App { private_key, .. } => {
                Some((format!("github.orgs[{i}].private_key_path"), private_key))
            }
            GithubCredentials::Anonymous => None,
        })
    }

    /// Checks that every secret file can be read now, at the start and for `github-stats check`.
    ///
    /// # Errors
    /// [`ConfigError::Secret`] with the key and the file of the first that cannot be read.
    pub fn check_secrets(&self) -> Result<(), ConfigError> {
        for (key, source) in self.secrets() {
            source.read_blocking().map_err(|cause| ConfigError::Secret { key, cause })?;
        }
        Ok(())
    }
}

/// The key that was set: `key` itself or `key_file`.
fn keyed(key: &str, source: SecretSource) -> (String, SecretSource) {
    let key = match source {
        SecretSource::File(_) => format!("{key}_file"),
        SecretSource::Inline(_) => key.to_owned(),
    };
    (key, source)
}

#[cfg(test)]
mod tests {
    use super::super::OrgConfig;
    use super::*;

    #[test]
    fn an_unreadable_secret_is_named_by_its_key() {
        let mut config = Config::default();
        config.check_secrets().expect("no secrets to read");
        let mut org = OrgConfig::named("acme");
        org.token_file = Some("/nonexistent/token".into());
        config.github.orgs.push(org);
        let message = config.check_secrets().expect_err("rejected").to_string();
        let start = "github.orgs[0].token_file: cannot read the secret file /nonexistent/token: ";
        assert!(message.starts_with(start), "{message}");
    }
}

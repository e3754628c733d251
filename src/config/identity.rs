//! The section `identity`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::checks::Checks;
use super::section::section;
use super::{ConfigError, Secret, SecretSource};

section! {
    /// How people appear in the label `user`.
    pub struct IdentityConfig {
        /// Whether accounts named `name[bot]` are excluded.
        exclude_bots: bool = false,
        /// Logins that are replaced by another one, such as `old-login: new-login`.
        aliases: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether logins are replaced by a keyed hash.
        pseudonymize: bool = false,
        /// Key of that hash; the same key yields the same pseudonyms.
        pseudonym_key: Secret = Secret::default(),
        /// File that contains `pseudonym_key`; read at the start.
        pseudonym_key_file: Option<PathBuf> = None,
    }
}

impl IdentityConfig {
    /// The key for pseudonyms, if one is configured.
    #[must_use]
    pub fn pseudonym_key(&self) -> Option<SecretSource> {
        SecretSource::of(&self.pseudonym_key, self.pseudonym_key_file.as_deref())
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        const KEY: &str = "identity.pseudonym_key";
        checks.not_both(KEY, !self.pseudonym_key.is_empty(), self.pseudonym_key_file.is_some())?;
        let keyed = self.pseudonym_key().is_some();
        checks.require(keyed || !self.pseudonymize, &["identity.pseudonymize", KEY], || {
            format!("identity.pseudonymize is true, but neither {KEY} nor {KEY}_file is set")
        })?;
        for (from, to) in &self.aliases {
            let key = format!("identity.aliases.{from}");
            checks.require(
                !from.trim().is_empty() && !to.trim().is_empty(),
                &[&key, "identity.aliases"],
                || format!("identity.aliases maps {from:?} to {to:?}, but both must be logins"),
            )?;
        }
        Ok(())
    }
}

//! Secrets that cannot be printed accidentally.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A token, password or key. `Debug` and serialisation reveal only whether it is set.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a secret; empty text means that it is not set.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself, only for the place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether it is not set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(none)" } else { "Secret([redacted])" })
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::ConfigValue;
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("ghp_very_secret");
        assert_eq!(format!("{secret:?}"), "Secret([redacted])");
        assert_eq!(secret.encode(), "[redacted]");
        assert_eq!(secret.expose(), "ghp_very_secret");
        assert_eq!(format!("{:?}", Secret::default()), "Secret(none)");
    }
}

//! The credentials of an organisation.

use super::SecretSource;

/// How to authenticate to GitHub for one organisation.
#[derive(Debug, Clone, PartialEq)]
pub enum GithubCredentials {
    /// A personal access token, classic or fine-grained.
    Token(SecretSource),
    /// An installation of a GitHub App.
    App {
        /// Id of the App.
        app_id: u64,
        /// Id of its installation in the organisation.
        installation_id: u64,
        /// The App's private key as PEM.
        private_key: SecretSource,
    },
    /// None: public data only, with the rate limit of an unauthenticated client.
    Anonymous,
}

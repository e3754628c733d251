//! GitHub's APIs: the adapter that implements the scheduler's `ActivitySource`.

mod account;
mod api_request;
mod auth;
mod auto;
mod classify;
mod client;
mod graphql;
mod http_response;
mod identity;
mod identity_rules;
mod meter;
pub mod quota;
mod repo_selector;
mod rest;
mod retry;
mod time_format;
mod transport;

pub use auth::{Anonymous, AppSettings, AppToken, SecretReader, StoredToken, TokenError, TokenSource};
pub use auto::AutoSource;
pub use client::{ClientSettings, GithubClient};
pub use graphql::GraphqlSource;
pub use identity_rules::{IdentifiedSource, IdentityRules};
pub use meter::{NoMeter, RateLimitHeaders, RequestMeter};
pub use repo_selector::RepoSelector;
pub use rest::RestSource;
pub use retry::RetrySettings;
pub use transport::{ClientBuildError, HttpTransport};

//! GitHub, seen through octocrab: the adapter behind the scheduler's `ActivitySource`.

mod auth;
mod auto;
mod classify;
mod client;
mod graphql;
mod identity;
mod identity_rules;
mod loc;
mod meter;
mod model;
pub mod quota;
mod rest;
mod rest_response;
mod transport;

pub use auth::{Anonymous, AppSettings, AppToken, SecretReader, StoredToken, TokenError, TokenSource};
pub use auto::AutoSource;
pub use client::{ClientSettings, GithubClient, RetrySettings};
pub use graphql::GraphqlSource;
pub use identity_rules::{IdentifiedSource, IdentityRules};
pub use meter::{NoMeter, RateLimit, RequestMeter};
pub use rest::{RepoSelector, RestSource};
pub use transport::{ClientBuildError, HttpTransport};

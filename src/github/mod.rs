//! GitHub, seen through octocrab: the adapter behind the scheduler's `ActivitySource`.

mod answer;
mod auth;
mod auto;
mod classify;
mod client;
mod graphql;
mod identity;
mod lines;
mod meter;
mod model;
mod personas;
pub mod quota;
mod rest;
mod wire;

pub use auth::{Anonymous, AppSettings, AppToken, SecretReader, StoredToken, TokenError, TokenSource};
pub use auto::AutoSource;
pub use client::{Client, ClientSettings, RetrySettings};
pub use graphql::GraphqlSource;
pub use meter::{NoMeter, RateLimit, RequestMeter};
pub use personas::{IdentifiedSource, Personas};
pub use rest::{RepoSelector, RestSource};
pub use wire::{BuildError, Wire};

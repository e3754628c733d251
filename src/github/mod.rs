//! GitHub, seen through octocrab: the adapter behind the scheduler's `ActivitySource`.

mod answer;
mod classify;
mod client;
mod identity;
mod meter;
mod model;
mod rest;

pub use client::{BuildError, Client, ClientSettings, RetrySettings, TokenSource};
pub use meter::{NoMeter, RateLimit, RequestMeter};
pub use rest::{RepoSelector, RestSource};

//! A simulator of the parts of GitHub that github-stats uses.
//!
//! A [`GithubWorld`] holds organisations, repositories and everything that ever happens in them;
//! each event has a time and becomes visible once the simulator's clock has reached it. A
//! [`Simulator`] serves a world over HTTP with GitHub's pagination, limits, conditional requests
//! and injected faults, and [`GroundTruth`] is what a complete collector must have found.
#![forbid(unsafe_code)]
// A repository has more fields than the default limit of `json!`.
#![recursion_limit = "256"]

mod account;
mod answers;
mod app;
mod busy_world;
mod clock;
mod comment;
mod commit;
mod commit_graph;
mod context;
mod control;
mod digest;
mod endpoint;
mod expected_gauges;
mod fault;
mod graphql;
mod ground_truth;
mod histories;
mod http_response;
mod issue;
mod key_pair;
mod large_world;
mod numeric;
mod options;
mod page_request;
mod pull_request;
mod query_string;
mod rate_limit;
mod repository;
mod request_log;
mod review;
mod server;
mod simulator;
mod stamp;
mod state;
mod token;
mod token_store;
mod world;

pub use account::{AccountKind, OwnerAccount};
pub use app::{App, Installation};
pub use busy_world::{BusyWorld, generate_busy_world, populate_busy_world};
pub use comment::Comment;
pub use commit::Commit;
pub use endpoint::Endpoint;
pub use expected_gauges::{ExpectedGauges, GaugeKey};
pub use fault::{ApiFault, ApiFaults, FaultKind, RequestMatcher};
pub use ground_truth::{ExpectedFact, ExpectedFactKind, GroundTruth};
pub use histories::from_histories;
pub use issue::Issue;
pub use key_pair::KeyPair;
pub use large_world::{EarlierActivity, LargeWorld, generate_large_world};
pub use options::{Options, StatisticsOptions};
pub use pull_request::PullRequest;
pub use repository::Repository;
pub use request_log::RequestRecord;
pub use review::{Review, ReviewState};
pub use simulator::Simulator;
pub use token::{Permission, Token};
pub use world::GithubWorld;

/// The part of GitHub's GraphQL schema that is served, in the GraphQL schema definition language.
pub fn graphql_schema() -> &'static str {
    graphql::SERVED_SCHEMA
}

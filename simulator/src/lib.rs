//! A faithful simulator of the parts of GitHub that github-stats uses.
//!
//! A [`World`] holds organisations, repositories and everything that ever happens in them; each event
//! has a time and shows only once the simulator's clock has reached it. A [`Simulator`] serves a world
//! over HTTP with GitHub's pagination, limits, conditional requests and faults on demand, and
//! [`Truth`] says what a collector that misses nothing must have found.
#![forbid(unsafe_code)]
// A repository has more fields than `json!` may take by default.
#![recursion_limit = "256"]

mod account;
mod answers;
mod app;
mod clock;
mod comment;
mod commit;
mod context;
mod control;
mod digest;
mod endpoint;
mod fault;
mod gauges;
mod graph;
mod graphql;
mod histories;
mod issue;
mod key_pair;
mod keyring;
mod ledger;
mod lively;
mod numeric;
mod options;
mod page;
mod pull_request;
mod query;
mod reply;
mod repository;
mod request_log;
mod review;
mod scale;
mod server;
mod shared;
mod simulator;
mod stamp;
mod token;
mod truth;
mod world;

pub use account::{Account, AccountKind};
pub use app::{App, Installation};
pub use comment::Comment;
pub use commit::Commit;
pub use endpoint::Endpoint;
pub use fault::{Fault, FaultKind, Faults, Matcher};
pub use gauges::{GaugeKey, Gauges};
pub use histories::from_histories;
pub use issue::Issue;
pub use key_pair::KeyPair;
pub use lively::{Lively, generate, populate};
pub use options::{Options, StatisticsOptions};
pub use pull_request::PullRequest;
pub use repository::Repository;
pub use request_log::RequestRecord;
pub use review::{Review, ReviewState};
pub use scale::{History, Scale, scale};
pub use simulator::Simulator;
pub use token::{Permission, Token};
pub use truth::{Fact, FactKind, Truth};
pub use world::World;

/// The part of GitHub's GraphQL schema that is served, in GraphQL's own language.
pub fn graphql_schema() -> &'static str {
    graphql::OFFERED
}

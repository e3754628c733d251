//! The GraphQL source: batches, one search for the whole organisation, and pages at every level of nesting.

mod batch_size;
mod batches;
mod commits;
mod conversations;
mod convert;
mod listing;
mod model;
mod queries;
mod response;
mod search;
mod seen_facts;
mod session;
mod source;
mod walk;

pub use source::GraphqlSource;

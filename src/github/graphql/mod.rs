//! The GraphQL source: batches, one search for the whole organisation, and pages at every level of nesting.

mod batches;
mod commits;
mod conversations;
mod convert;
mod listing;
mod load;
mod memory;
mod model;
mod queries;
mod reply;
mod search;
mod source;
mod talk;
mod walk;

pub use source::GraphqlSource;

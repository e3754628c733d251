//! The GraphQL source: batches of nodes, one search for the whole organisation, and pagination at
//! every level.

mod batch_size;
mod branch_tips;
mod branches;
mod classify;
mod conversations;
mod convert;
mod history_walk;
mod model;
mod node_batches;
mod organisation_poll;
mod queries;
mod response;
mod search;
mod seen_facts;
mod session;
mod source;
mod source_state;

pub use source::GraphqlSource;

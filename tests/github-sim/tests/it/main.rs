//! Tests of the simulator, over raw connections.

mod client;
mod clock;
mod commits;
mod fault;
mod graphql;
mod graphql_schema;
mod histories;
mod limits;
mod lists;
mod schemas;
mod shared;
mod truth;

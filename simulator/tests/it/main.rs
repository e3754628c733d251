//! Tests of the simulator, over raw connections.

mod app;
mod client;
mod clock;
mod commits;
mod fault;
mod graphql;
mod graphql_faults;
mod graphql_limits;
mod graphql_lists;
mod graphql_schema;
mod graphql_search;
mod histories;
mod limits;
mod lists;
mod scale;
mod schemas;
mod shared;
mod truth;

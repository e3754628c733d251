//! Tests of the simulator over raw HTTP connections.

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
mod ground_truth;
mod histories;
mod large_world;
mod limits;
mod lists;
mod openapi;

//! The adapter against the simulator: the same truth over both APIs, at the price of change.

mod auto;
mod cost;
mod limits;
mod loc;
mod plan;
mod stage;
mod truth;

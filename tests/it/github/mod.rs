//! The GitHub adapter against the simulator: the same results over both APIs, at a cost
//! proportional to changes.

mod auto;
mod cost;
mod fixture;
mod limits;
mod loc;
mod plan;
mod truth;

//! The operator's API.

mod actors;
mod auth;
mod chaos;

pub(super) use actors::{ActorReport, actors};
pub(super) use auth::authenticate;
pub(super) use chaos::break_actor;

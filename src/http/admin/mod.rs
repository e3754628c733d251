//! The operator's API.

mod actors;
mod auth;
mod chaos;
mod dlq;

pub(super) use actors::{ActorReport, actors};
pub(super) use auth::authenticate;
pub(super) use chaos::break_actor;
pub(super) use dlq::{inspect_letter, list_letters, reprocess, reprocess_all, resolve};

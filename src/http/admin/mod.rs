//! The admin API and the page on top of it.

mod actors;
mod auth;
mod chaos;
mod dlq;
mod maintenance;
mod openapi;
mod page;
mod shutdown;
mod slo;
mod status;

pub(super) use actors::actors;
pub(super) use auth::authenticate;
pub(super) use chaos::break_actor;
pub(super) use dlq::{inspect_dead_letter, list_dead_letters, reprocess, reprocess_all, resolve};
pub(super) use maintenance::{end_maintenance, show_maintenance, start_maintenance};
pub(super) use openapi::{openapi, overview};
pub(super) use page::{page, script, style};
pub(super) use shutdown::shut_down;
pub(super) use slo::slo;
pub(super) use status::status;

//! The HTTP surface: metrics, health and the operator's API. Every handler reads immutable
//! snapshots: no request waits for an actor, the store or GitHub.

mod admin;
mod exposition_health;
mod health;
mod index;
mod live;
mod method;
mod perimeter;
mod problem;
mod ready;
mod routes;
mod scrape;
mod server;
mod settings;
mod state;

#[cfg(test)]
pub(crate) mod testing;

pub use server::serve;
pub use settings::HttpSettings;
pub use state::{AdminAccess, AppState};

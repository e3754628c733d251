//! The embedded store: one ACID file, no server.
//!
//! Layout of the directory: `github-stats.redb` holds all data; `github-stats.lock` is locked by
//! the one process that uses it. `docs/adr/001-embedded-store.md` explains the design.

mod copy_on_write_file;
mod database_handle;
mod directory;
mod failure;
mod group_committer;
mod key;
mod open_error;
mod shared;
mod snapshot;
mod store;
mod tables;

pub use open_error::OpenError;
pub use store::EmbeddedStore;

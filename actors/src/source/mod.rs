//! The port through which activity is collected from a forge, with its requests, answers and
//! errors.
//!
//! Implementations live outside this crate: the service has one over GitHub's REST API and one over
//! its GraphQL API. The scheduler and the backfill workers collect through this port,
//! [`LocCollector`](crate::loc::LocCollector) asks it for lines of code, and tests use the scripted
//! source.

mod activity_source;
mod changes;
mod collect_error;
mod collection;
mod error;
mod listing;
#[cfg(feature = "testing")]
mod scripted;
mod statistics;

pub use activity_source::ActivitySource;
pub use changes::{Changes, ChangesRequest, KnownRepository, Reconcile, RepositoryChanges};
pub use collect_error::CollectError;
pub use collection::{
    CollectFailure, CollectRequest, Collection, CollectionResults, CommitsRead, RequestPriority,
};
pub use error::{SourceError, SourceErrorKind};
pub use listing::{ListedRepository, Listing};
#[cfg(feature = "testing")]
pub use scripted::ScriptedSource;
pub use statistics::{AuthorWeek, Statistics};

//! The store: records, coverage and base counts, and the live series derived from them.
//!
//! [`FactStore`] is the port to a backend for facts, [`SharedState`] the one to small expiring
//! entries that replicas share; both have a memory implementation and a contract suite here. The
//! [`StoreActor`] is the only writer of facts: scrapers and backfill workers send it batches, and
//! it publishes snapshots of the series for the exposition. [`MirroredStore`] lets a local store
//! take over while the shared one is unreachable.

#[cfg(feature = "testing")]
pub mod contract;
mod fact_store;
mod memory;
mod memory_state;
mod mirrored;
mod published_snapshot;
mod repository_data;
mod shared_state;
#[cfg(feature = "testing")]
pub mod state_contract;
mod store_actor;
mod store_event;
mod write_source;

pub use fact_store::{
    CHANGES_KEPT, ChangePosition, FactStore, GarbageCollected, LogChanges, OrgLogPosition, RecordPage,
    ScanCursor, StoreChange, StoreError, StoredRecord, WriteSummary,
};
pub use memory::MemoryStore;
pub use memory_state::MemoryState;
pub use mirrored::MirroredStore;
pub use published_snapshot::{PublishedSnapshot, PublishedView};
pub use repository_data::{JoinOutcome, fold, join};
pub use shared_state::{Claim, CountBatch, SharedState, SharedTable};
pub use store_actor::{
    CollectGarbage, ConfirmEpoch, RecordsOf, RepositoriesOf, StoreActor, StoreParts, StoreState, Write,
    WriteReceipt,
};
pub use store_event::StoreEvent;
pub use write_source::WriteSource;

//! The store: a set of records and the coverage that says how complete it is.

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
    CollectGarbage, ConfirmEpoch, RecordsOf, RepositoriesOf, StoreActor, StoreSettings, StoreState, Write,
    WriteReceipt, WriteSource,
};

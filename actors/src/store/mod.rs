//! The store: a set of records and the coverage that says how complete it is.

#[cfg(feature = "testing")]
pub mod contract;
mod fact_store;
mod memory;
mod published;
mod repository_data;
mod store_actor;

pub use fact_store::{Collected, Cursor, FactStore, Page, StoreError, StoredRecord, Written};
pub use memory::MemoryStore;
pub use published::{Published, PublishedView};
pub use repository_data::{Joined, fold, join};
pub use store_actor::{
    CollectGarbage, RecordsOf, RepositoriesOf, StoreActor, StoreSettings, StoreState, Write, WriteReceipt,
    WriteSource,
};

//! The port through which the role learns of outages of the shared store.

/// Whether the store that all replicas share is reachable. The store actor's state implements it.
pub trait SharedStoreStatus: Send + Sync + 'static {
    /// Why the shared store is unreachable; `None` while it is reachable, or where there is none.
    fn cut_off(&self) -> Option<String>;
}

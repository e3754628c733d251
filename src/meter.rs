//! The port through which stores report how long their requests take.

use std::time::Duration;

/// Receives the duration of every request to a store.
pub trait StoreRequestMeter: Send + Sync + 'static {
    /// A request of the operation `op` ended, successfully or not, after `took`. The time spent
    /// waiting for a connection is included.
    fn observe(&self, op: &'static str, took: Duration);
}

/// Discards all measurements.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

impl StoreRequestMeter for Unmetered {
    fn observe(&self, _: &'static str, _: Duration) {}
}

//! Who measures how long a store takes, whichever it is.

use std::time::Duration;

/// Told of every exchange with a store.
pub trait Meter: Send + Sync + 'static {
    /// An exchange of the operation `op` took this long, waiting for a connection included.
    fn exchanged(&self, op: &'static str, took: Duration, ok: bool);
}

/// Measures nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

impl Meter for Unmetered {
    fn exchanged(&self, _: &'static str, _: Duration, _: bool) {}
}

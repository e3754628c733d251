//! Who measures what goes over a link.

use std::time::Duration;

/// Told of every exchange with Redis.
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

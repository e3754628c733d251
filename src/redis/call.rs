//! Deadline and retry policy of one call.

use std::time::Duration;

/// Deadline of a small request.
const QUICK: Duration = Duration::from_secs(2);
/// Deadline of a request that transfers thousands of records.
const BULK: Duration = Duration::from_secs(10);

/// How one call is measured, how long it may take, and whether it may be sent twice.
#[derive(Clone, Copy, Debug)]
pub struct RedisCall {
    pub(super) op: &'static str,
    pub(super) limit: Duration,
    pub(super) repeatable: bool,
}

impl RedisCall {
    /// A small request, measured as `op`.
    pub const fn quick(op: &'static str) -> Self {
        RedisCall { op, limit: QUICK, repeatable: false }
    }

    /// A request that transfers thousands of records, measured as `op`.
    pub const fn bulk(op: &'static str) -> Self {
        RedisCall { op, limit: BULK, repeatable: false }
    }

    /// Marks the call as idempotent: it is sent again if the connection turns out to be closed.
    pub const fn repeatable(self) -> Self {
        RedisCall { repeatable: true, ..self }
    }
}

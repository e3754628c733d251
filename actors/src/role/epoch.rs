//! The fencing token of a leadership.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Shard;

/// The number of a leadership, greater than that of any earlier one. It is a fencing token:
/// requests that only a leader may make carry it, and are refused once a greater one exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why no epoch was issued.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no epoch could be issued: {0}")]
pub struct EpochError(pub String);

/// Issues epochs. The fact store implements it, because every candidate shares it.
#[async_trait]
pub trait EpochIssuer: Send + Sync + 'static {
    /// Issues an epoch for leading `shard`, greater than any issued before and than `after`, the
    /// greatest the caller knows of.
    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, EpochError>;
}

//! What wrote a batch.

use serde::Serialize;

/// What wrote a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteSource {
    /// The leader's scheduled scrape.
    LeaderScrape,
    /// A backfill worker.
    WorkerBackfill,
}

impl WriteSource {
    /// The value of the `source` label.
    pub fn as_str(self) -> &'static str {
        match self {
            WriteSource::LeaderScrape => "leader_scrape",
            WriteSource::WorkerBackfill => "worker_backfill",
        }
    }
}

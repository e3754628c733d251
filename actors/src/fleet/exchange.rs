//! What passes between a replica and the others.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::store::CountBatch;

/// What a replica tells the others and hears of them. Called from an actor: nothing here may block.
///
/// It outlives the actor's incarnations, so a batch of counts that may have been applied is sent again as it was.
pub trait PeerExchange: Send + Sync + 'static {
    /// What this replica tells of itself now.
    fn report(&self) -> Vec<u8>;

    /// What all live replicas told last, by name; `since` is when they were asked for the time before.
    fn heard(&self, reports: Vec<(String, Vec<u8>)>, since: Instant);

    /// What was counted since the last batch that was applied; `None` where that is nothing.
    fn next_counts(&self) -> Option<CountBatch>;

    /// The batch of this number was applied.
    fn applied(&self, sequence: u64);

    /// What all replicas counted together; `None` while this one is cut off from that.
    fn totals(&self, totals: Option<BTreeMap<String, f64>>);
}

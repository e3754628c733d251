//! The port behind which a replica's side of the exchange with the others is implemented.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::store::CountBatch;

/// What a replica reports to the others and receives from them. Called from an actor: nothing here may block.
///
/// It outlives the actor's incarnations, so a batch of counts that may have been applied is sent
/// again unchanged.
pub trait PeerExchange: Send + Sync + 'static {
    /// This replica's present report, serialized.
    fn report(&self) -> Vec<u8>;

    /// The latest reports of all live replicas by name, this one's included; `since` is when they
    /// were requested the time before.
    fn receive(&self, reports: Vec<(String, Vec<u8>)>, since: Instant);

    /// What was counted since the last batch that was applied; `None` where that is nothing.
    fn next_counts(&self) -> Option<CountBatch>;

    /// The batch of this sequence number was applied.
    fn applied(&self, sequence: u64);

    /// The sums of what all replicas counted, by name; `None` while they cannot be read.
    fn receive_totals(&self, totals: Option<BTreeMap<String, f64>>);
}

//! The published series: the last complete snapshot, which stays available while the store actor
//! restarts.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use crate::activity::SeriesSnapshot;

/// A snapshot and its generation.
#[derive(Debug)]
pub struct PublishedSnapshot {
    /// Rises with every snapshot of this process; equal generations have equal contents.
    pub generation: u64,
    pub series: SeriesSnapshot,
}

/// Where the store actor publishes snapshots; cloned into every reader. Reading never waits.
#[derive(Clone, Debug, Default)]
pub struct PublishedView(Arc<PublishedViewState>);

#[derive(Debug, Default)]
struct PublishedViewState {
    latest: ArcSwapOption<PublishedSnapshot>,
    generation: watch::Sender<u64>,
}

impl PublishedView {
    /// The latest snapshot; `None` until the store has been loaded once.
    pub fn latest(&self) -> Option<Arc<PublishedSnapshot>> {
        self.0.latest.load_full()
    }

    /// Replaces the snapshot.
    pub fn publish(&self, series: SeriesSnapshot) {
        let generation = self.0.latest.load().as_ref().map_or(1, |published| published.generation + 1);
        self.0.latest.store(Some(Arc::new(PublishedSnapshot { generation, series })));
        self.0.generation.send_replace(generation);
    }

    /// Notifies of new generations; 0 before there is a snapshot.
    pub fn generations(&self) -> watch::Receiver<u64> {
        self.0.generation.subscribe()
    }
}

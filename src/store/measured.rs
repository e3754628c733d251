//! A decorator that measures the requests to a store.

use std::sync::Arc;

use async_trait::async_trait;
use github_stats_actors::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::spans;
use github_stats_actors::store::{
    ChangePosition, FactStore, GarbageCollected, LogChanges, RecordPage, ScanCursor, StoreError, WriteSummary,
};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::meter::StoreRequestMeter;

/// Reports the duration of each call to a meter, and runs each call in a span while tracing is on.
pub struct MeasuredStore<S> {
    store: Arc<S>,
    meter: Arc<dyn StoreRequestMeter>,
}

impl<S> MeasuredStore<S> {
    pub fn new(store: Arc<S>, meter: Arc<dyn StoreRequestMeter>) -> Self {
        MeasuredStore { store, meter }
    }

    async fn measure<T>(
        &self,
        op: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let span = spans::within_trace(|| request_span(op));
        let result = call.instrument(span.clone()).await;
        if let Err(error) = &result {
            spans::fail(&span, error);
        }
        self.meter.observe(op, started.elapsed());
        result
    }
}

fn request_span(op: &str) -> Span {
    tracing::info_span!(
        "store.exchange",
        otel.kind = "client",
        db.system.name = "embedded",
        op,
        otel.status_code = Empty,
        otel.status_description = Empty
    )
}

#[async_trait]
impl<S: FactStore> FactStore for MeasuredStore<S> {
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        self.measure("write", self.store.write(batch)).await
    }

    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        self.measure("repositories", self.store.repositories(org)).await
    }

    async fn repository(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        self.measure("repositories", self.store.repository(key)).await
    }

    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        self.measure("organisations", self.store.organisations()).await
    }

    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError> {
        self.measure("scan", self.store.records(key, since)).await
    }

    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError> {
        self.measure("scan", self.store.scan(from, limit)).await
    }

    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        self.measure("gc", self.store.collect_garbage(key, floor, epoch)).await
    }

    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        self.measure("epoch", self.store.begin_epoch(shard, after)).await
    }

    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.measure("epoch", self.store.confirm_epoch(epoch)).await
    }

    /// Not measured: the embedded store answers without a request.
    async fn position(&self) -> Result<ChangePosition, StoreError> {
        self.store.position().await
    }

    /// Not measured: the embedded store answers without a request.
    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        self.store.changes(since).await
    }

    fn cut_off(&self) -> Option<String> {
        self.store.cut_off()
    }
}

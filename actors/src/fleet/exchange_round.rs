//! One round of the exchange with the other replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{FleetSettings, FleetState};
use crate::store::{SharedTable, StoreError};

/// How long a report is valid: a replica whose report has expired no longer counts as alive.
const REPORT_TTL: Duration = Duration::from_secs(5);

/// Publishes this replica's report and counts through the shared state, and reads the others'.
#[derive(Clone)]
pub(super) struct ExchangeRound(FleetSettings);

impl ExchangeRound {
    pub(super) fn new(settings: FleetSettings) -> Self {
        ExchangeRound(settings)
    }

    /// Runs the whole round. `known` are the totals of the round before, `since` is when that
    /// began; returns the totals now.
    pub(super) async fn run(
        &self,
        known: &BTreeMap<String, f64>,
        since: Instant,
    ) -> Result<BTreeMap<String, f64>, StoreError> {
        let FleetSettings { shared, exchange, replica, has_others, .. } = &self.0;
        if *has_others {
            shared.put(SharedTable::Replicas, replica, &exchange.report(), REPORT_TTL).await?;
        }
        self.send_counts().await?;
        let totals = self.read_totals(known).await?;
        let reports = match has_others {
            true => shared.entries(SharedTable::Replicas).await?,
            false => Vec::new(),
        };
        let replicas = reports.iter().map(|(replica, _)| replica.clone()).collect();
        exchange.receive(reports, since);
        exchange.receive_totals(Some(totals.clone()));
        self.publish(FleetState { replicas, cut_off: None });
        Ok(totals)
    }

    /// Sends what was counted since the last round.
    async fn send_counts(&self) -> Result<(), StoreError> {
        while let Some(batch) = self.0.exchange.next_counts() {
            self.0.shared.count(&batch).await?;
            self.0.exchange.applied(batch.sequence);
        }
        Ok(())
    }

    /// Totals only rise. One that is less than `known` was lost by the store, and is raised again.
    async fn read_totals(&self, known: &BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>, StoreError> {
        let totals = self.0.shared.counts().await?;
        let fell = |(name, known): &(&String, &f64)| totals.get(*name).is_none_or(|total| total < known);
        let lost: BTreeMap<String, f64> =
            known.iter().filter(fell).map(|(name, count)| (name.clone(), *count)).collect();
        if lost.is_empty() {
            return Ok(totals);
        }
        tracing::warn!(counts = lost.len(), "the shared store lost counts; they are restored");
        self.0.shared.raise_counts(&lost).await?;
        self.0.shared.counts().await
    }

    /// Records that the shared state cannot be reached.
    pub(super) fn cut_off(&self, error: &StoreError) {
        self.0.exchange.receive_totals(None);
        let replicas = self.0.state.get().replicas.clone();
        self.publish(FleetState { replicas, cut_off: Some(error.to_string()) });
    }

    /// Sends the last counts and withdraws this replica's report.
    pub(super) async fn leave(&self) -> Result<(), StoreError> {
        self.send_counts().await?;
        self.0.shared.remove(SharedTable::Replicas, &self.0.replica).await?;
        Ok(())
    }

    fn publish(&self, state: FleetState) {
        if *self.0.state.get() != state {
            self.0.state.set(state);
        }
    }
}

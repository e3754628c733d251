//! One replica's campaign for the leadership of one shard.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::attempt_outcome::{AttemptOutcome, ObservedEpoch};
use super::{
    ElectionError, ElectionStatus, Elector, EpochIssuer, RoleView, RoleWatch, Roles, Shard, SharedStoreStatus,
};

/// Runs for the leadership of a shard: attempts, waits between them, and yields. Cheap to clone;
/// what it has to remember is in `roles`.
#[derive(Clone)]
pub struct Campaign {
    pub shard: Shard,
    pub elector: Arc<dyn Elector>,
    /// Issues the epoch of each new leadership.
    pub epochs: Arc<dyn EpochIssuer>,
    /// The time between two attempts.
    pub retry_period: Duration,
    /// How long an attempt may take, and how long a leadership lasts without renewal.
    pub renew_deadline: Duration,
    /// A replica may lead without election only while the shared store is unreachable.
    pub shared_store: Arc<dyn SharedStoreStatus>,
    /// Where the outcome is published, and where the loads of all replicas are known.
    pub roles: Roles,
}

impl Campaign {
    pub(super) fn watch(&self) -> &RoleWatch {
        self.roles.watch(self.shard)
    }

    /// Whether to give up this shard, because another replica leads fewer.
    pub(super) fn should_yield(&self) -> bool {
        self.watch().leads().is_some() && self.roles.should_yield(self.renew_deadline)
    }

    /// Gives the shard up for now; another attempt follows in case no other replica takes it.
    pub(super) async fn give_up(&self) {
        tracing::info!(shard = %self.shard, "leadership given up, because another replica leads fewer shards");
        self.watch().set(RoleView::follower(self.watch().get().basis));
        self.elector.resign().await;
    }

    /// Waits until another attempt is due. A replica that leads more shards than others leaves a
    /// free one to them for as long as a leader has for renewing.
    pub(super) async fn wait(&self) {
        let others_first = Instant::now() + self.renew_deadline;
        while self.watch().leads().is_none() && !self.roles.may_campaign() && Instant::now() < others_first {
            sleep(self.retry_period).await;
        }
        tokio::select! {
            () = sleep(self.retry_period) => {}
            () = self.elector.changed() => {}
        }
    }

    /// Acquires or renews the leadership.
    pub(super) async fn attempt(&self) -> AttemptOutcome {
        let attempt = timeout(self.renew_deadline, async {
            let status = self.elector.attempt().await;
            // A new leadership gets its epoch before it is published, so that no reader sees one
            // without.
            let epoch = match &status {
                Ok(ElectionStatus::Leader { term, .. }) => self.epoch_of(*term).await,
                _ => ObservedEpoch::None,
            };
            (status, epoch)
        });
        let timed_out = |_| {
            let why = format!("there was no answer within {:?}", self.renew_deadline);
            (Err(ElectionError(why)), ObservedEpoch::None)
        };
        let (status, epoch) = attempt.await.unwrap_or_else(timed_out);
        AttemptOutcome { status, epoch, basis: self.elector.basis(), cut_off: self.shared_store.cut_off() }
    }

    async fn epoch_of(&self, term: u64) -> ObservedEpoch {
        let view = self.watch().get();
        match view.leads(Instant::now()) {
            Some(epoch) if view.term == term => ObservedEpoch::Held(epoch),
            _ => ObservedEpoch::Issued(
                self.epochs.begin_epoch(self.shard, self.watch().greatest_epoch()).await,
            ),
        }
    }
}

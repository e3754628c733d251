//! Numbering leaderships.

use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::StoreError;
use redis::{Value, cmd};

use super::store::RedisStore;
use crate::redis::{RedisCall, RedisServers};

/// How many organisations are told of a new leadership at a time.
const AT_A_TIME: usize = 16;
/// How long a replica may take to hear of a new epoch; other calls on the link wait meanwhile.
const REPLICA_LIMIT: Duration = Duration::from_millis(500);

impl RedisStore {
    /// Issues an epoch and fences every organisation of the shard against earlier ones: what only a leader may do is refused
    /// where it is done, whatever node that is.
    pub(super) async fn issue_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        let call = RedisCall::quick("epoch");
        let issued: u64 = self
            .brisk
            .run(
                call,
                &self.scripts.begin_epoch,
                &[self.keys.epoch(), self.keys.epochs()],
                &[after.to_string().into_bytes(), shard.number().to_string().into_bytes()],
            )
            .await?;
        let fence = issued.to_string().into_bytes();
        let raise = |org| {
            let (meta, fence) = (self.keys.of(&org).meta(), fence.clone());
            async move {
                let script = &self.scripts.raise_fence;
                self.brisk.run::<String>(call.repeatable(), script, &[meta], &[fence]).await
            }
        };
        let mut organisations = self.all_organisations().await?;
        organisations.retain(|org| shard.holds(org));
        stream::iter(organisations)
            .map(raise)
            .buffer_unordered(AT_A_TIME)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        self.wait_for_a_replica().await;
        Ok(Epoch(issued))
    }

    /// A failover must not issue the same epoch again: where there are replicas, one of them should know it. One that does not
    /// answer in time is no reason not to lead.
    async fn wait_for_a_replica(&self) {
        if matches!(self.brisk.settings().servers, RedisServers::Cluster(_)) {
            return;
        }
        let call = RedisCall::quick("epoch").repeatable();
        let role: Result<Vec<Value>, _> = self.brisk.query(call, &cmd("ROLE")).await;
        let has_replicas =
            |role: &[Value]| matches!(role.get(2), Some(Value::Array(replicas)) if !replicas.is_empty());
        if !role.is_ok_and(|role| has_replicas(&role)) {
            return;
        }
        let mut command = cmd("WAIT");
        command.arg(1).arg(REPLICA_LIMIT.as_millis() as u64);
        match self.brisk.query::<u64>(call, &command).await {
            Ok(0) => tracing::warn!("no replica of redis confirmed the new epoch within {REPLICA_LIMIT:?}"),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "redis was not asked whether a replica has the new epoch"),
        }
    }

    pub(super) async fn refuse_stale(&self, epoch: Epoch) -> Result<(), StoreError> {
        let mut command = cmd("HVALS");
        command.arg(self.keys.epochs());
        let in_force: Vec<u64> = self.brisk.query(RedisCall::quick("epoch").repeatable(), &command).await?;
        // One that another store issued in this one's absence is no fence here, nor is one that was lost with the data.
        if in_force.contains(&epoch.0) {
            return Ok(());
        }
        let current = Epoch(in_force.into_iter().max().unwrap_or_default());
        Err(StoreError::StaleEpoch { asked: epoch, current })
    }
}

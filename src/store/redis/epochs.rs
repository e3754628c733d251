//! Issuing and fencing epochs.

use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::StoreError;
use redis::{Value, cmd};

use super::store::RedisStore;
use crate::redis::{RedisCall, RedisServers};

/// Number of organisations that are fenced concurrently.
const CONCURRENCY: usize = 16;
/// Deadline for a Redis replica to confirm a new epoch; other calls on the connection wait in the
/// meantime.
const REPLICA_LIMIT: Duration = Duration::from_millis(500);

impl RedisStore {
    /// Issues an epoch and fences every organisation of the shard against earlier ones. The fence
    /// is stored with each organisation, so that a former leader is refused by the node that would
    /// execute its request.
    pub(super) async fn issue_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        let call = RedisCall::quick("epoch");
        let issued: u64 = self
            .quick
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
                self.quick.run::<String>(call.repeatable(), script, &[meta], &[fence]).await
            }
        };
        let mut organisations = self.all_organisations().await?;
        organisations.retain(|org| shard.holds(org));
        stream::iter(organisations)
            .map(raise)
            .buffer_unordered(CONCURRENCY)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        self.wait_for_a_replica().await;
        Ok(Epoch(issued))
    }

    /// Waits until a Redis replica has the new epoch, so that it is not issued again after a
    /// failover. If none confirms it in time, this replica leads nevertheless.
    async fn wait_for_a_replica(&self) {
        if matches!(self.quick.settings().servers, RedisServers::Cluster(_)) {
            return;
        }
        let call = RedisCall::quick("epoch").repeatable();
        let role: Result<Vec<Value>, _> = self.quick.query(call, &cmd("ROLE")).await;
        let has_replicas =
            |role: &[Value]| matches!(role.get(2), Some(Value::Array(replicas)) if !replicas.is_empty());
        if !role.is_ok_and(|role| has_replicas(&role)) {
            return;
        }
        let mut command = cmd("WAIT");
        command.arg(1).arg(REPLICA_LIMIT.as_millis() as u64);
        match self.quick.query::<u64>(call, &command).await {
            Ok(0) => tracing::warn!("no replica of redis confirmed the new epoch within {REPLICA_LIMIT:?}"),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "no replica of redis could be asked to confirm the new epoch")
            }
        }
    }

    /// Fails if `epoch` is not the current epoch of any shard.
    pub(super) async fn check_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        let mut command = cmd("HVALS");
        command.arg(self.keys.epochs());
        let current: Vec<u64> = self.quick.query(RedisCall::quick("epoch").repeatable(), &command).await?;
        // An epoch that the local store issued during an outage is refused too, as is one that was
        // lost with the data.
        if current.contains(&epoch.0) {
            return Ok(());
        }
        let current = Epoch(current.into_iter().max().unwrap_or_default());
        Err(StoreError::StaleEpoch { asked: epoch, current })
    }
}

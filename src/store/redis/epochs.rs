//! Numbering leaderships.

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::role::Epoch;
use github_stats_actors::store::StoreError;
use redis::cmd;

use super::store::RedisStore;
use crate::redis::Call;

/// How many organisations are told of a new leadership at a time.
const AT_A_TIME: usize = 16;

impl RedisStore {
    /// Issues an epoch and fences every organisation against earlier ones: what only a leader may do is refused where it is
    /// done, whatever node that is.
    pub(super) async fn issue_epoch(&self, after: Epoch) -> Result<Epoch, StoreError> {
        let call = Call::quick("epoch");
        let issued: u64 = self
            .brisk
            .run(call, &self.scripts.begin_epoch, &[self.keys.epoch()], &[after.to_string().into_bytes()])
            .await?;
        let fence = issued.to_string().into_bytes();
        let raise = |org| {
            let (meta, fence) = (self.keys.of(&org).meta(), fence.clone());
            async move {
                let script = &self.scripts.raise_fence;
                self.brisk.run::<String>(call.repeatable(), script, &[meta], &[fence]).await
            }
        };
        let organisations = self.all_organisations().await?;
        stream::iter(organisations)
            .map(raise)
            .buffer_unordered(AT_A_TIME)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(Epoch(issued))
    }

    pub(super) async fn refuse_stale(&self, epoch: Epoch) -> Result<(), StoreError> {
        let mut command = cmd("GET");
        command.arg(self.keys.epoch());
        let issued: Option<u64> = self.brisk.query(Call::quick("epoch").repeatable(), &command).await?;
        match issued.map(Epoch) {
            Some(current) if epoch < current => Err(StoreError::StaleEpoch { asked: epoch, current }),
            _ => Ok(()),
        }
    }
}

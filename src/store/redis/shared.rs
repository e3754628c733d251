//! Shared state: small entries that expire by the server's clock, and counts.
//!
//! A table is a hash of values and a sorted set of their expiry times. Redis supports expiring
//! fields of a hash only from version 7.4 on, and separate keys could not be listed without
//! scanning the whole keyspace.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::store::{Claim, CountBatch, SharedState, SharedTable, StoreError};
use redis::cmd;

use super::store::RedisStore;
use crate::redis::RedisCall;

/// How long the sequence number of a writer's last batch is kept: longer than any batch is retried.
const WRITER_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// Maximum time to live of an entry.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);

#[async_trait]
impl SharedState for RedisStore {
    async fn claim(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Claim, StoreError> {
        let arguments = [key.into(), value.to_vec(), millis(ttl)];
        let held: Option<Vec<u8>> = self
            .quick
            .run(RedisCall::quick("claim"), &self.scripts.claim, &self.keys.table(table), &arguments)
            .await?;
        Ok(held.map_or(Claim::Claimed, Claim::Held))
    }

    async fn put(
        &self,
        table: SharedTable,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let arguments = [key.into(), value.to_vec(), millis(ttl)];
        let call = RedisCall::quick("put").repeatable();
        let _: i64 = self.quick.run(call, &self.scripts.put, &self.keys.table(table), &arguments).await?;
        Ok(())
    }

    async fn swap(
        &self,
        table: SharedTable,
        key: &str,
        expected: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let arguments = [key.into(), expected.to_vec(), value.to_vec(), millis(ttl)];
        let keys = self.keys.table(table);
        Ok(self.quick.run(RedisCall::quick("swap"), &self.scripts.swap, &keys, &arguments).await?)
    }

    async fn remove(&self, table: SharedTable, key: &str) -> Result<bool, StoreError> {
        let keys = self.keys.table(table);
        Ok(self.quick.run(RedisCall::quick("remove"), &self.scripts.remove, &keys, &[key.into()]).await?)
    }

    async fn get(&self, table: SharedTable, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let keys = self.keys.table(table);
        let call = RedisCall::quick("get").repeatable();
        Ok(self.quick.run(call, &self.scripts.get, &keys, &[key.into()]).await?)
    }

    async fn entries(&self, table: SharedTable) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let keys = self.keys.table(table);
        let call = RedisCall::bulk("list").repeatable();
        let (names, values): (Vec<String>, Vec<Vec<u8>>) =
            self.bulk.run(call, &self.scripts.list, &keys, &[]).await?;
        let mut entries: Vec<(String, Vec<u8>)> = names.into_iter().zip(values).collect();
        entries.sort();
        Ok(entries)
    }

    async fn count(&self, batch: &CountBatch) -> Result<(), StoreError> {
        let keys = [self.keys.counts(), self.keys.counted(&batch.writer)];
        let life = WRITER_LIFE.as_secs().to_string().into_bytes();
        let mut arguments = vec![batch.sequence.to_string().into_bytes(), life];
        push_counts(&mut arguments, &batch.increments);
        let call = RedisCall::quick("count").repeatable();
        let _: i64 = self.quick.run(call, &self.scripts.count, &keys, &arguments).await?;
        Ok(())
    }

    async fn counts(&self) -> Result<BTreeMap<String, f64>, StoreError> {
        let mut command = cmd("HGETALL");
        command.arg(self.keys.counts());
        Ok(self.quick.query(RedisCall::quick("counts").repeatable(), &command).await?)
    }

    async fn raise_counts(&self, least: &BTreeMap<String, f64>) -> Result<(), StoreError> {
        let mut arguments = Vec::with_capacity(2 * least.len());
        push_counts(&mut arguments, least);
        let call = RedisCall::quick("raise_counts").repeatable();
        let keys = [self.keys.counts()];
        let _: i64 = self.quick.run(call, &self.scripts.raise_counts, &keys, &arguments).await?;
        Ok(())
    }
}

/// Appends the finite counts. Redis rejects all other numbers, and would do so in the middle of a
/// batch.
fn push_counts(arguments: &mut Vec<Vec<u8>>, counts: &BTreeMap<String, f64>) {
    for (name, count) in counts.iter().filter(|(_, count)| count.is_finite()) {
        arguments.extend([name.as_bytes().to_vec(), count.to_string().into_bytes()]);
    }
}

fn millis(ttl: Duration) -> Vec<u8> {
    ttl.min(LONGEST_LIFE).as_millis().to_string().into_bytes()
}

//! Reading repositories and their records, in steps short enough not to delay other clients.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::activity::{OrgName, RepoId, RepoKey, RepoState};
use github_stats_actors::store::StoreError;
use redis::{Value, cmd};

use super::reply::{Pairs, StoredFacts, fact_id, organisation, repository, scan_step};
use super::store::RedisStore;
use crate::redis::RedisCall;

/// Number of records requested by one HSCAN.
const RECORDS_PER_STEP: usize = 2_000;
/// Number of states requested by one HSCAN; a state may be large.
const STATES_PER_STEP: usize = 200;
/// Number of repositories that are read concurrently.
const CONCURRENCY: usize = 8;

impl RedisStore {
    /// All organisations, sorted.
    pub(super) async fn all_organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        let mut command = cmd("SMEMBERS");
        command.arg(self.keys.organisations());
        let names: Vec<Vec<u8>> =
            self.quick.query(RedisCall::quick("organisations").repeatable(), &command).await?;
        let mut organisations: Vec<OrgName> =
            names.into_iter().map(organisation).collect::<Result<_, _>>()?;
        organisations.sort();
        Ok(organisations)
    }

    /// The keys of an organisation's repositories, sorted.
    pub(super) async fn repository_keys(&self, org: &OrgName) -> Result<Vec<RepoKey>, StoreError> {
        let mut command = cmd("HKEYS");
        command.arg(self.keys.of(org).repositories());
        let ids: Vec<String> = self.bulk.query(RedisCall::bulk("scan").repeatable(), &command).await?;
        let mut keys: Vec<RepoKey> =
            ids.into_iter().map(|id| RepoKey { org: org.clone(), id: RepoId::from(id) }).collect();
        keys.sort();
        Ok(keys)
    }

    /// The states of an organisation's repositories, sorted.
    pub(super) async fn states_of(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        let hash = self.keys.of(org).repositories();
        let stored = self.scan_hash("repositories", &hash, STATES_PER_STEP).await?;
        let mut states = BTreeMap::new();
        for (id, bytes) in stored {
            let id = String::from_utf8(id)
                .map_err(|_| StoreError::Damaged(format!("the id of a repository of {org} is not UTF-8")))?;
            let key = RepoKey { org: org.clone(), id: RepoId::from(id) };
            let (_, state) = repository(&key, &bytes)?;
            states.insert(key, state);
        }
        Ok(states.into_values().collect())
    }

    /// The state of one repository.
    pub(super) async fn state_of(&self, key: &RepoKey) -> Result<Option<RepoState>, StoreError> {
        let mut command = cmd("HGET");
        command.arg(self.keys.of(&key.org).repositories()).arg(key.id.as_str());
        let stored: Option<Vec<u8>> =
            self.quick.query(RedisCall::quick("repositories").repeatable(), &command).await?;
        Ok(stored.map(|bytes| repository(key, &bytes)).transpose()?.map(|(_, state)| state))
    }

    /// All records of a repository, still encoded. Records that are added or removed while this
    /// runs may or may not be included.
    pub(super) async fn facts_of(&self, key: &RepoKey) -> Result<StoredFacts, StoreError> {
        let hash = self.keys.of(&key.org).facts(&key.id);
        let stored = self.scan_hash("scan", &hash, RECORDS_PER_STEP).await?;
        stored.into_iter().map(|(id, bytes)| Ok((fact_id(key, &id)?, bytes))).collect()
    }

    /// All records of several repositories, in the order of `keys`.
    pub(super) async fn facts_of_all(
        &self,
        keys: &[RepoKey],
    ) -> Result<Vec<(RepoKey, StoredFacts)>, StoreError> {
        stream::iter(keys.to_vec())
            .map(|key| async move {
                let facts = self.facts_of(&key).await?;
                Ok((key, facts))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// All fields of a hash and their values; some may occur twice.
    async fn scan_hash(&self, op: &'static str, hash: &[u8], count: usize) -> Result<Pairs, StoreError> {
        let mut all = Vec::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut command = cmd("HSCAN");
            command.arg(hash).arg(&cursor).arg("COUNT").arg(count);
            let reply: Value = self.bulk.query(RedisCall::bulk(op).repeatable(), &command).await?;
            let (next, pairs) = scan_step(reply)?;
            all.extend(pairs);
            if next == b"0" {
                return Ok(all);
            }
            cursor = next;
        }
    }
}

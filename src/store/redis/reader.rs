//! Reading repositories and their records, in steps that hold up nobody.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::activity::{FactId, OrgName, Record, RepoId, RepoKey, RepoState, Timestamp};
use github_stats_actors::store::StoreError;
use redis::{Value, cmd};

use super::reply::{Pairs, fact_id, organisation, record, repository, step};
use super::store::RedisStore;
use crate::redis::RedisCall;
use crate::store::{codec, state_json};

/// How many fields a step of a scan asks for.
const STEP: usize = 2_000;
/// How many repositories' states a step of a scan asks for; a state may be large.
const STATES: usize = 200;
/// How many repositories are read at a time.
pub(super) const AT_A_TIME: usize = 8;

/// Records as stored, by fact.
pub(super) type StoredFacts = BTreeMap<FactId, Vec<u8>>;

impl RedisStore {
    /// The organisations, sorted.
    pub(super) async fn all_organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        let mut command = cmd("SMEMBERS");
        command.arg(self.keys.organisations());
        let names: Vec<Vec<u8>> =
            self.brisk.query(RedisCall::quick("organisations").repeatable(), &command).await?;
        let mut organisations: Vec<OrgName> =
            names.into_iter().map(organisation).collect::<Result<_, _>>()?;
        organisations.sort();
        Ok(organisations)
    }

    /// The ids of an organisation's repositories, sorted.
    pub(super) async fn repository_ids(&self, org: &OrgName) -> Result<Vec<RepoKey>, StoreError> {
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
        let stored = self.whole_hash("repositories", &hash, STATES).await?;
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
            self.brisk.query(RedisCall::quick("repositories").repeatable(), &command).await?;
        Ok(stored.map(|bytes| repository(key, &bytes)).transpose()?.map(|(_, state)| state))
    }

    /// All records of a repository as they are stored. Whatever is there all the time is among them; what comes or goes
    /// meanwhile may be.
    pub(super) async fn facts_of(&self, key: &RepoKey) -> Result<StoredFacts, StoreError> {
        let hash = self.keys.of(&key.org).facts(&key.id);
        let stored = self.whole_hash("scan", &hash, STEP).await?;
        stored.into_iter().map(|(id, bytes)| Ok((fact_id(key, &id)?, bytes))).collect()
    }

    /// All records of some repositories, in their order.
    pub(super) async fn facts_of_all(
        &self,
        keys: &[RepoKey],
    ) -> Result<Vec<(RepoKey, StoredFacts)>, StoreError> {
        stream::iter(keys.to_vec())
            .map(|key| async move {
                let facts = self.facts_of(&key).await?;
                Ok((key, facts))
            })
            .buffered(AT_A_TIME)
            .try_collect()
            .await
    }

    /// The fields of a hash and their values; some may come twice.
    async fn whole_hash(&self, op: &'static str, hash: &[u8], count: usize) -> Result<Pairs, StoreError> {
        let mut all = Vec::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut command = cmd("HSCAN");
            command.arg(hash).arg(&cursor).arg("COUNT").arg(count);
            let answer: Value = self.bulk.query(RedisCall::bulk(op).repeatable(), &command).await?;
            let (next, pairs) = step(answer)?;
            all.extend(pairs);
            if next == b"0" {
                return Ok(all);
            }
            cursor = next;
        }
    }
}

/// The records dated before `floor`; of the others only the time is decoded.
pub(super) fn older_than(
    facts: StoredFacts,
    floor: Timestamp,
    key: &RepoKey,
) -> Result<Vec<(FactId, Record)>, StoreError> {
    dated(facts, key, |at| at < floor)
}

/// The records whose time is as wanted.
pub(super) fn dated(
    facts: StoredFacts,
    key: &RepoKey,
    wanted: impl Fn(Timestamp) -> bool,
) -> Result<Vec<(FactId, Record)>, StoreError> {
    let mut records = Vec::new();
    for (id, bytes) in facts {
        let at = codec::decode_at(&bytes).map_err(|error| state_json::record_damaged(key, id, error))?;
        if wanted(at) {
            records.push((id, record(key, id, &bytes)?));
        }
    }
    Ok(records)
}

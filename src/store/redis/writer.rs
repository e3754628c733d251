//! Writing batches: read, join, and apply unless the repository has changed in the meantime.

use std::collections::BTreeMap;
use std::time::Duration;

use github_stats_actors::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState};
use github_stats_actors::role::Epoch;
use github_stats_actors::store::{CHANGES_KEPT, StoreError, WriteSummary};
use rand::RngExt;
use redis::{Pipeline, cmd};

use super::log_entry;
use super::plan::{StoredRepository, WritePlan};
use super::reply::{next, older_than, parse, record, repository};
use super::store::RedisStore;
use super::version::RepoVersion;
use crate::redis::RedisCall;
use crate::store::{codec, fact_bytes, state_json};

/// Number of attempts to write to a repository that other writers keep changing.
pub(super) const ATTEMPTS: u32 = 30;
/// Maximum number of records that one script changes; it blocks other clients for a few
/// milliseconds.
const PART: usize = 2_000;
/// Maximum pause before the next attempt.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// One run of the script that changes a repository.
pub(super) struct ScriptStep<'a> {
    pub(super) key: &'a RepoKey,
    pub(super) expected: Option<RepoVersion>,
    pub(super) state: &'a RepoState,
    pub(super) removed: &'a [FactId],
    pub(super) changed: &'a [(FactId, Record)],
    /// The epoch of the leader, for changes that only a leader may make.
    pub(super) epoch: Option<Epoch>,
    /// Whether to log that any record may have changed, instead of the changed ones.
    pub(super) logs_all: bool,
}

/// The outcome of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AppliedStep {
    /// Applied; this is the new version of the repository.
    Done(RepoVersion),
    /// Not applied, because the repository does not have the expected version.
    Conflict,
    /// Not applied, because a later epoch has begun.
    Stale(Epoch),
}

impl RedisStore {
    pub(super) async fn write_batch(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        let _lock = self.write_locks.lock(&batch.key).await;
        let mut previous: BTreeMap<FactId, Record> = BTreeMap::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let stored = self.read_stored(&batch).await?;
            // If an earlier attempt took effect although its reply was lost, its records are stored
            // now. They count as changed nevertheless.
            previous.retain(|id, record| stored.records.get(id) == Some(record));
            let mut plan = WritePlan::new(&batch, stored);
            if plan.is_empty() && previous.is_empty() {
                return Ok(plan.into_summary(0));
            }
            if let Some(removed) = self.execute(&batch.key, &plan).await? {
                previous
                    .retain(|id, _| plan.changed.binary_search_by_key(id, |(changed, _)| *changed).is_err());
                plan.changed.extend(previous);
                plan.changed.sort_by_key(|(id, _)| *id);
                return Ok(plan.into_summary(removed));
            }
            previous.extend(plan.changed);
        }
        Err(contended(&batch.key))
    }

    /// Executes a plan, large ones in parts. Returns the number of removed records, or `None` after
    /// a conflict.
    ///
    /// The coverage is written last, and only if nothing (not even a failover) has changed the
    /// repository since the first part.
    async fn execute(&self, key: &RepoKey, plan: &WritePlan) -> Result<Option<usize>, StoreError> {
        if plan.is_empty() {
            return Ok(Some(0));
        }
        let removed = match plan.floor_rises {
            true => older_than(self.facts_of(key).await?, plan.state.floor, key)?,
            false => Vec::new(),
        };
        let removed: Vec<FactId> = removed.into_iter().map(|(id, _)| id).collect();
        let changed = &plan.changed;
        let (parts, last) = changed.split_at(changed.len().saturating_sub(1) / PART * PART);
        let mut expected = plan.expected;
        for part in parts.chunks(PART) {
            let step = ScriptStep {
                key,
                expected,
                state: &plan.interim_state,
                removed: &[],
                changed: part,
                epoch: None,
                logs_all: true,
            };
            match self.apply(step).await? {
                AppliedStep::Done(version) => expected = Some(version),
                _ => return Ok(None),
            }
        }
        let step = ScriptStep {
            key,
            expected,
            state: &plan.state,
            removed: &removed,
            changed: last,
            epoch: None,
            logs_all: !parts.is_empty(),
        };
        match self.apply(step).await? {
            AppliedStep::Done(_) => Ok(Some(removed.len())),
            _ => Ok(None),
        }
    }

    /// Reads the stored data that a batch affects, in one round trip.
    async fn read_stored(&self, batch: &Batch) -> Result<StoredRepository, StoreError> {
        let keys = self.keys.of(&batch.key.org);
        let facts = keys.facts(&batch.key.id);
        let mut pipeline = Pipeline::with_capacity(3);
        pipeline.cmd("HGET").arg(keys.repositories()).arg(batch.key.id.as_str());
        pipeline.cmd("HGET").arg(keys.meta()).arg("sequence");
        for part in batch.records.chunks(PART) {
            pipeline.cmd("HMGET").arg(&facts);
            for (id, _) in part {
                pipeline.arg(fact_bytes::of(*id));
            }
        }
        let call =
            if batch.records.len() > PART / 4 { RedisCall::bulk("write") } else { RedisCall::quick("write") };
        let mut replies = self.bulk.pipeline(call.repeatable(), &pipeline).await?.into_iter();
        let state: Option<Vec<u8>> = parse(next(&mut replies)?)?;
        let sequence: Option<u64> = parse(next(&mut replies)?)?;
        if sequence.is_none() {
            self.register(&batch.key.org).await?;
        }
        let mut stored = StoredRepository::default();
        if let Some(state) = state {
            stored.repository = Some(repository(&batch.key, &state)?);
        }
        for part in batch.records.chunks(PART) {
            let records: Vec<Option<Vec<u8>>> = parse(next(&mut replies)?)?;
            for ((id, _), bytes) in part.iter().zip(records) {
                if let Some(bytes) = bytes {
                    stored.records.insert(*id, record(&batch.key, *id, &bytes)?);
                }
            }
        }
        Ok(stored)
    }

    /// Adds an organisation to the list of organisations, before anything of it is written.
    pub(super) async fn register(&self, org: &OrgName) -> Result<(), StoreError> {
        let mut command = cmd("SADD");
        command.arg(self.keys.organisations()).arg(org.as_str());
        Ok(self.quick.query(RedisCall::quick("write").repeatable(), &command).await?)
    }

    /// Runs the script that changes a repository.
    pub(super) async fn apply(&self, step: ScriptStep<'_>) -> Result<AppliedStep, StoreError> {
        let org = self.keys.of(&step.key.org);
        let keys = [org.repositories(), org.facts(&step.key.id), org.log(), org.meta()];
        let version = RepoVersion::new();
        let changed_ids = match step.logs_all {
            true => log_entry::ALL_RECORDS.to_vec(),
            false => log_entry::encode_changed(step.changed),
        };
        let mut arguments = Vec::with_capacity(8 + step.removed.len() + 2 * step.changed.len());
        arguments.extend([
            step.key.id.as_str().into(),
            step.expected.map(|version| version.to_string()).unwrap_or_default().into_bytes(),
            version.to_string().into_bytes(),
            state_json::encode(step.state)?,
            step.epoch.map(|epoch| epoch.to_string()).unwrap_or_default().into_bytes(),
            CHANGES_KEPT.to_string().into_bytes(),
            changed_ids,
            step.removed.len().to_string().into_bytes(),
        ]);
        arguments.extend(step.removed.iter().map(|id| fact_bytes::of(*id)));
        for (id, record) in step.changed {
            arguments.extend([fact_bytes::of(*id), codec::encode(record)]);
        }
        let large = step.changed.len() + step.removed.len() > PART / 4;
        let call = if large { RedisCall::bulk("write") } else { RedisCall::quick("write") };
        // If it is sent twice, the second run finds the version of the first one and reports a
        // conflict.
        let reply: String = self.bulk.run(call.repeatable(), &self.scripts.apply, &keys, &arguments).await?;
        match reply.as_str() {
            "applied" => Ok(AppliedStep::Done(version)),
            "conflict" => Ok(AppliedStep::Conflict),
            other => match other.strip_prefix("stale ").and_then(|epoch| epoch.parse().ok()) {
                Some(epoch) => Ok(AppliedStep::Stale(Epoch(epoch))),
                None => Err(StoreError::Damaged(format!("unexpected reply of the script apply: {other:?}"))),
            },
        }
    }
}

/// Sleeps for a random time that grows with each attempt, so that the same writers do not conflict
/// again.
pub(super) async fn pause(attempt: u32) {
    let longest = Duration::from_millis(1 << attempt.min(7)).min(LONGEST_PAUSE);
    let pause = longest.mul_f64(rand::rng().random_range(0.0..=1.0));
    tokio::time::sleep(pause).await;
}

/// The error after the last attempt ended in a conflict.
pub(super) fn contended(key: &RepoKey) -> StoreError {
    StoreError::Unavailable(format!(
        "{key} was changed by other writers during each of {ATTEMPTS} attempts to write it"
    ))
}

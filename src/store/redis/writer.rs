//! Writing batches: read, join, apply if nobody was quicker.

use std::collections::BTreeMap;
use std::time::Duration;

use github_stats_actors::activity::{Batch, FactId, OrgName, Record, RepoKey, RepoState};
use github_stats_actors::role::Epoch;
use github_stats_actors::store::{CHANGES_KEPT, StoreError, WriteSummary};
use rand::RngExt;
use redis::{Pipeline, cmd};

use super::plan::{StoredRepository, WritePlan};
use super::reply::{next, parsed, record, repository};
use super::store::RedisStore;
use super::version::RecordVersion;
use super::{log, reader};
use crate::redis::RedisCall;
use crate::store::{codec, fact_bytes, state_json};

/// How often a write is decided anew because somebody else changed the repository meanwhile.
pub(super) const ATTEMPTS: u32 = 30;
/// How many records one script changes at most: it holds up everybody else for a few milliseconds.
pub(super) const PART: usize = 2_000;
/// The longest pause before deciding anew.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What a script is to do to a repository.
pub(super) struct ScriptStep<'a> {
    pub(super) key: &'a RepoKey,
    pub(super) expected: Option<RecordVersion>,
    pub(super) state: &'a RepoState,
    pub(super) removed: &'a [FactId],
    pub(super) changed: &'a [(FactId, Record)],
    /// For what only a leader may do.
    pub(super) epoch: Option<Epoch>,
    /// Whether the log tells that anything may have changed instead of what did.
    pub(super) tells_all: bool,
}

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AppliedStep {
    /// The repository has this version now.
    Done(RecordVersion),
    /// Somebody else changed it before; nothing was done.
    Conflict,
    /// A later leadership has begun; nothing was done.
    Stale(Epoch),
}

impl RedisStore {
    pub(super) async fn write_batch(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        let _turn = self.turns.of(&batch.key).await;
        let mut before: BTreeMap<FactId, Record> = BTreeMap::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let known = self.known(&batch).await?;
            // What an attempt wrote whose answer was lost is found as stored by the next one; it did change.
            before.retain(|id, record| known.records.get(id) == Some(record));
            let mut plan = WritePlan::of(&batch, known);
            if plan.is_done() && before.is_empty() {
                return Ok(plan.written(0));
            }
            if let Some(removed) = self.carry_out(&batch.key, &plan).await? {
                before
                    .retain(|id, _| plan.changed.binary_search_by_key(id, |(changed, _)| *changed).is_err());
                plan.changed.extend(before);
                plan.changed.sort_by_key(|(id, _)| *id);
                return Ok(plan.written(removed));
            }
            before.extend(plan.changed);
        }
        Err(contended(&batch.key))
    }

    /// Writes what was decided, large changes in parts; how many records went, or `None` when somebody was quicker.
    ///
    /// Coverage goes last, and only if nobody, a failover included, changed the repository since the first part.
    async fn carry_out(&self, key: &RepoKey, plan: &WritePlan) -> Result<Option<usize>, StoreError> {
        if plan.is_done() {
            return Ok(Some(0));
        }
        let removed = match plan.floor_rises {
            true => reader::older_than(self.facts_of(key).await?, plan.state.floor, key)?,
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
                state: &plan.meanwhile,
                removed: &[],
                changed: part,
                epoch: None,
                tells_all: true,
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
            tells_all: !parts.is_empty(),
        };
        match self.apply(step).await? {
            AppliedStep::Done(_) => Ok(Some(removed.len())),
            _ => Ok(None),
        }
    }

    /// What is stored of what a batch touches, in one round trip.
    async fn known(&self, batch: &Batch) -> Result<StoredRepository, StoreError> {
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
        let mut answers = self.bulk.pipeline(call.repeatable(), &pipeline).await?.into_iter();
        let stored: Option<Vec<u8>> = parsed(next(&mut answers)?)?;
        let sequence: Option<u64> = parsed(next(&mut answers)?)?;
        if sequence.is_none() {
            self.register(&batch.key.org).await?;
        }
        let mut known = StoredRepository::default();
        if let Some(stored) = stored {
            known.repository = Some(repository(&batch.key, &stored)?);
        }
        for part in batch.records.chunks(PART) {
            let records: Vec<Option<Vec<u8>>> = parsed(next(&mut answers)?)?;
            for ((id, _), stored) in part.iter().zip(records) {
                if let Some(stored) = stored {
                    known.records.insert(*id, record(&batch.key, *id, &stored)?);
                }
            }
        }
        Ok(known)
    }

    /// Makes an organisation known before anything is written of it.
    pub(super) async fn register(&self, org: &OrgName) -> Result<(), StoreError> {
        let mut command = cmd("SADD");
        command.arg(self.keys.organisations()).arg(org.as_str());
        Ok(self.brisk.query(RedisCall::quick("write").repeatable(), &command).await?)
    }

    /// Runs the script that changes a repository.
    pub(super) async fn apply(&self, step: ScriptStep<'_>) -> Result<AppliedStep, StoreError> {
        let org = self.keys.of(&step.key.org);
        let keys = [org.repositories(), org.facts(&step.key.id), org.log(), org.meta()];
        let version = RecordVersion::new();
        let told = match step.tells_all {
            true => log::EVERYTHING.to_vec(),
            false => log::told(step.changed),
        };
        let mut arguments = Vec::with_capacity(8 + step.removed.len() + 2 * step.changed.len());
        arguments.extend([
            step.key.id.as_str().into(),
            step.expected.map(|version| version.to_string()).unwrap_or_default().into_bytes(),
            version.to_string().into_bytes(),
            state_json::encode(step.state)?,
            step.epoch.map(|epoch| epoch.to_string()).unwrap_or_default().into_bytes(),
            CHANGES_KEPT.to_string().into_bytes(),
            told,
            step.removed.len().to_string().into_bytes(),
        ]);
        arguments.extend(step.removed.iter().map(|id| fact_bytes::of(*id)));
        for (id, record) in step.changed {
            arguments.extend([fact_bytes::of(*id), codec::encode(record)]);
        }
        let large = step.changed.len() + step.removed.len() > PART / 4;
        let call = if large { RedisCall::bulk("write") } else { RedisCall::quick("write") };
        // Sent twice, the second one finds that the first one was quicker.
        let answer: String = self.bulk.run(call.repeatable(), &self.scripts.apply, &keys, &arguments).await?;
        match answer.as_str() {
            "applied" => Ok(AppliedStep::Done(version)),
            "conflict" => Ok(AppliedStep::Conflict),
            other => match other.strip_prefix("stale ").and_then(|epoch| epoch.parse().ok()) {
                Some(epoch) => Ok(AppliedStep::Stale(Epoch(epoch))),
                None => Err(StoreError::Damaged(format!("the script answered {other:?}"))),
            },
        }
    }
}

/// Waits a little, longer with each attempt, so that writers do not meet again.
pub(super) async fn pause(attempt: u32) {
    let longest = Duration::from_millis(1 << attempt.min(7)).min(LONGEST_PAUSE);
    let pause = longest.mul_f64(rand::rng().random_range(0.0..=1.0));
    tokio::time::sleep(pause).await;
}

/// What is told when others were quicker every time.
pub(super) fn contended(key: &RepoKey) -> StoreError {
    StoreError::Unavailable(format!(
        "{key} was changed by others each of the {ATTEMPTS} times it was to be written"
    ))
}

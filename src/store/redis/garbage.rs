//! Garbage collection: records older than the floor are added to the base and removed.
//!
//! The floor rises in steps. Each step is one script, bounded so that it does not block other
//! clients for long, and leaves records and base consistent for readers in between and for a leader
//! that takes over after a crash.

use github_stats_actors::activity::{FactId, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::role::Epoch;
use github_stats_actors::store::{GarbageCollected, StoreError, fold};
use redis::cmd;

use super::reply::{older_than, repository};
use super::store::RedisStore;
use super::version::RepoVersion;
use super::writer::{ATTEMPTS, AppliedStep, ScriptStep, contended, pause};
use crate::redis::RedisCall;

/// Maximum number of records a step removes, unless more of them are dated the same second.
const STEP: usize = 5_000;

/// How a pass over the old records ended.
enum PassOutcome {
    Complete,
    /// Another writer changed the repository; the remaining records must be read again.
    Interrupted,
}

impl RedisStore {
    pub(super) async fn collect(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        self.check_epoch(epoch).await?;
        let _lock = self.write_locks.lock(key).await;
        let mut removed = 0;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let Some((version, mut state)) = self.stored(key).await? else { return Ok(None) };
            if floor <= state.floor {
                return Ok((removed > 0).then_some(GarbageCollected { state, removed }));
            }
            let old = older_than(self.facts_of(key).await?, floor, key)?;
            let pass = self.raise_floor(key, version, &mut state, old, floor, epoch, &mut removed);
            if let PassOutcome::Complete = pass.await? {
                return Ok(Some(GarbageCollected { state, removed }));
            }
        }
        Err(contended(key))
    }

    #[allow(clippy::too_many_arguments)]
    async fn raise_floor(
        &self,
        key: &RepoKey,
        mut version: RepoVersion,
        state: &mut RepoState,
        mut old: Vec<(FactId, Record)>,
        floor: Timestamp,
        epoch: Epoch,
        removed: &mut usize,
    ) -> Result<PassOutcome, StoreError> {
        old.sort_by_key(|(_, record)| record.latest.at);
        loop {
            let (next_floor, count) = step(&old, floor);
            let mut next = state.clone();
            old[..count].iter().for_each(|(id, record)| fold(&mut next, *id, record));
            next.floor = next_floor;
            next.coverage.prune(next_floor);
            let folded: Vec<FactId> = old.drain(..count).map(|(id, _)| id).collect();
            let step = ScriptStep {
                key,
                expected: Some(version),
                state: &next,
                removed: &folded,
                changed: &[],
                epoch: Some(epoch),
                logs_all: false,
            };
            match self.apply(step).await? {
                AppliedStep::Done(applied) => version = applied,
                AppliedStep::Conflict => return Ok(PassOutcome::Interrupted),
                AppliedStep::Stale(current) => return Err(StoreError::StaleEpoch { asked: epoch, current }),
            }
            *state = next;
            *removed += count;
            if next_floor == floor {
                return Ok(PassOutcome::Complete);
            }
        }
    }

    async fn stored(&self, key: &RepoKey) -> Result<Option<(RepoVersion, RepoState)>, StoreError> {
        let mut command = cmd("HGET");
        command.arg(self.keys.of(&key.org).repositories()).arg(key.id.as_str());
        let stored: Option<Vec<u8>> =
            self.bulk.query(RedisCall::quick("garbage").repeatable(), &command).await?;
        stored.map(|bytes| repository(key, &bytes)).transpose()
    }
}

/// How far the floor may rise in the next step, and how many of the records, which are sorted by
/// time, are older than that.
fn step(old: &[(FactId, Record)], floor: Timestamp) -> (Timestamp, usize) {
    let at = |index: usize| old[index].1.latest.at;
    if old.len() <= STEP {
        return (floor, old.len());
    }
    // All records of one second go in the same step.
    let limit = if at(STEP) > at(0) { at(STEP) } else { at(STEP) + 1 };
    let count = old.partition_point(|(_, record)| record.latest.at < limit);
    if count == old.len() { (floor, count) } else { (limit, count) }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::activity::{Fact, LocChange};

    use super::*;

    fn dated(times: impl IntoIterator<Item = i64>) -> Vec<(FactId, Record)> {
        let record = |(number, at)| {
            let id = FactId::Review(number);
            let at = Timestamp::from_unix(at);
            (id, Record::observed(&Fact { id, user: "ada".into(), at, loc: LocChange::default() }, at))
        };
        (0..).zip(times).map(record).collect()
    }

    #[test]
    fn the_floor_rises_in_steps_that_never_split_a_second() {
        let floor = Timestamp::from_unix(1_000_000);
        assert_eq!(step(&dated([]), floor), (floor, 0));
        assert_eq!(step(&dated([7; 20_000]), floor), (floor, 20_000));
        let (next, count) = step(&dated(0..12_000), floor);
        assert_eq!((next.as_unix(), count), (5_000, 5_000));
        let crowded = dated(std::iter::repeat_n(3, 6_000).chain(4..10));
        let (next, count) = step(&crowded, floor);
        assert_eq!((next.as_unix(), count), (4, 6_000));
    }
}

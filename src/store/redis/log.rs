//! Following what anybody changes.
//!
//! Each organisation has a stream. Its entries are numbered without gaps and carry the version that the change gave its repository,
//! which is random: somebody who stands at an entry that the log no longer has, or has otherwise (after a failover that lost
//! writes), notices and loads everything again.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::activity::{FactId, OrgName, Record, RepoId, RepoKey};
use github_stats_actors::store::{ChangePosition, LogChanges, OrgLogPosition, StoreChange, StoreError};
use redis::{Pipeline, Value, cmd};

use super::reader;
use super::reply::{next, parsed, record, repository};
use super::store::RedisStore;
use super::version::RecordVersion;
use crate::redis::RedisCall;
use crate::store::fact_bytes;

/// What an entry tells of a change of more than [`TOLD`] records: that any may have changed.
pub(super) const EVERYTHING: &[u8] = &[0xFF];
/// How many changed records an entry names at most.
const TOLD: usize = 500;
/// How many entries are read at a time.
const ENTRIES: usize = 500;
/// How many records are read at a time, unless one entry names more.
const RECORDS: usize = 10_000;
/// How many organisations are asked at a time.
const AT_A_TIME: usize = 16;

/// What an entry of the log tells of these changes.
pub(super) fn told(changed: &[(FactId, Record)]) -> Vec<u8> {
    if changed.len() > TOLD {
        return EVERYTHING.to_vec();
    }
    let mut bytes = Vec::with_capacity(changed.len() * 21);
    changed.iter().for_each(|(id, _)| fact_bytes::push(&mut bytes, *id));
    bytes
}

/// Which records an entry says have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Facts(BTreeSet<FactId>),
    Everything,
}

impl Told {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        if bytes == EVERYTHING {
            return Some(Told::Everything);
        }
        let mut facts = BTreeSet::new();
        while !bytes.is_empty() {
            let (id, rest) = fact_bytes::split_first(bytes)?;
            facts.insert(id);
            bytes = rest;
        }
        Some(Told::Facts(facts))
    }

    fn join(&mut self, other: Told) {
        match (&mut *self, other) {
            (Told::Facts(mine), Told::Facts(other)) => mine.extend(other),
            (mine, _) => *mine = Told::Everything,
        }
    }

    fn len(&self) -> usize {
        match self {
            Told::Facts(facts) => facts.len(),
            Told::Everything => RECORDS,
        }
    }
}

/// An entry of a log.
#[derive(Debug)]
struct Entry {
    position: OrgLogPosition,
    repository: RepoId,
    told: Told,
}

/// What happened in one organisation.
enum Tale {
    Nothing,
    Lost,
    Changes {
        changes: Vec<StoreChange>,
        reached: OrgLogPosition,
        /// Whether the log went no further when it was looked at.
        is_all: bool,
    },
}

impl RedisStore {
    /// Where every log stands.
    pub(super) async fn present_position(&self) -> Result<ChangePosition, StoreError> {
        let stand = |org: OrgName| async move {
            let position = self.stands_at(&org).await?;
            Ok::<_, StoreError>(position.map(|position| (org, position)))
        };
        let organisations = self.all_organisations().await?;
        let positions: Vec<_> =
            stream::iter(organisations).map(stand).buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(ChangePosition(positions.into_iter().flatten().collect()))
    }

    /// What changed since a position.
    pub(super) async fn follow(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        let known = self.all_organisations().await?;
        let mut organisations: BTreeSet<OrgName> = since.0.keys().cloned().collect();
        let unknown: Vec<OrgName> =
            organisations.iter().filter(|org| known.binary_search(org).is_err()).cloned().collect();
        organisations.extend(known);
        let follow = |org: OrgName| async move {
            let tale = self.follow_one(&org, since.0.get(&org).copied()).await?;
            Ok::<_, StoreError>((org, tale))
        };
        let tales: Vec<(OrgName, Tale)> =
            stream::iter(organisations).map(follow).buffered(AT_A_TIME).try_collect().await?;
        let mut position = since.clone();
        let mut all = Vec::new();
        let mut complete = true;
        for (org, tale) in tales {
            match tale {
                Tale::Lost => return Ok(LogChanges::Lost),
                Tale::Nothing => {}
                Tale::Changes { changes, reached, is_all } => {
                    all.extend(changes);
                    complete &= is_all;
                    position.0.insert(org, reached);
                }
            }
        }
        // Its own data are there, so the list of organisations has lost it.
        for org in &unknown {
            self.register(org).await?;
        }
        Ok(LogChanges::Changes { changes: all, complete, position })
    }

    async fn follow_one(&self, org: &OrgName, since: Option<OrgLogPosition>) -> Result<Tale, StoreError> {
        let stands_at = match (self.stands_at(org).await?, since) {
            (None, None) => return Ok(Tale::Nothing),
            (None, Some(_)) => return Ok(Tale::Lost),
            (Some(position), Some(since)) if position == since => return Ok(Tale::Nothing),
            (Some(position), Some(since)) if position.sequence <= since.sequence => return Ok(Tale::Lost),
            (Some(position), _) => position,
        };
        let entries = self.entries(org, since).await?;
        let Some(entries) = without_gaps(entries, since) else { return Ok(Tale::Lost) };
        let Some(reached) = entries.last().map(|entry| entry.position) else {
            tracing::warn!(%org, sequence = stands_at.sequence, "the log of changes lacks entries it should have");
            return Ok(Tale::Lost);
        };
        let changes = self.changes_of(org, entries).await?;
        Ok(Tale::Changes { changes, reached, is_all: reached.sequence >= stands_at.sequence })
    }

    async fn stands_at(&self, org: &OrgName) -> Result<Option<OrgLogPosition>, StoreError> {
        let mut command = cmd("HMGET");
        command.arg(self.keys.of(org).meta()).arg("sequence").arg("tip");
        let (sequence, tip): (Option<u64>, Option<Vec<u8>>) =
            self.brisk.query(RedisCall::quick("changes").repeatable(), &command).await?;
        let Some(sequence) = sequence else { return Ok(None) };
        let tip = tip.as_deref().and_then(RecordVersion::read);
        let tip = tip.ok_or_else(|| StoreError::Damaged(format!("the log of {org} has no tip")))?;
        Ok(Some(OrgLogPosition { log: tip.0, sequence }))
    }

    /// The entry at a position, which proves that the log is still the same, and those after it; not more than have the
    /// records of one call.
    async fn entries(&self, org: &OrgName, since: Option<OrgLogPosition>) -> Result<Vec<Entry>, StoreError> {
        let mut command = cmd("XRANGE");
        command.arg(self.keys.of(org).log());
        match since {
            Some(since) => command.arg(format!("{}-0", since.sequence)),
            None => command.arg("-"),
        };
        command.arg("+").arg("COUNT").arg(ENTRIES);
        let answer: Vec<(String, BTreeMap<String, Vec<u8>>)> =
            self.bulk.query(RedisCall::bulk("changes").repeatable(), &command).await?;
        let mut entries = Vec::with_capacity(answer.len());
        let mut records = 0;
        for (id, fields) in answer {
            let entry = entry(&id, fields).ok_or_else(|| {
                StoreError::Damaged(format!("entry {id} of the log of {org} tells no change"))
            })?;
            records += entry.told.len();
            entries.push(entry);
            // One after the proof at least.
            if records > RECORDS && entries.len() > 1 {
                break;
            }
        }
        Ok(entries)
    }

    /// The repositories and records that entries name, as they are now: each once, in the order of their last entry.
    async fn changes_of(&self, org: &OrgName, entries: Vec<Entry>) -> Result<Vec<StoreChange>, StoreError> {
        let mut told: BTreeMap<RepoId, (u64, Told)> = BTreeMap::new();
        for entry in entries {
            let sequence = entry.position.sequence;
            match told.get_mut(&entry.repository) {
                Some((last, facts)) => {
                    *last = sequence;
                    facts.join(entry.told);
                }
                None => {
                    told.insert(entry.repository, (sequence, entry.told));
                }
            }
        }
        let mut told: Vec<(RepoId, Told, u64)> =
            told.into_iter().map(|(id, (last, told))| (id, told, last)).collect();
        told.sort_by_key(|(_, _, last)| *last);
        let answers = self.named(org, &told).await?;
        let mut answers = answers.into_iter();
        let states: Vec<Option<Vec<u8>>> = parsed(next(&mut answers)?)?;
        let mut changes = Vec::with_capacity(told.len());
        for ((id, told, _), stored) in told.into_iter().zip(states) {
            let key = RepoKey { org: org.clone(), id };
            let changed = match told {
                Told::Everything => reader::dated(self.facts_of(&key).await?, &key, |_| true)?,
                Told::Facts(facts) if facts.is_empty() => Vec::new(),
                Told::Facts(facts) => {
                    let stored: Vec<Option<Vec<u8>>> = parsed(next(&mut answers)?)?;
                    let records = facts.into_iter().zip(stored);
                    records
                        .filter_map(|(id, bytes)| Some(record(&key, id, &bytes?).map(|record| (id, record))))
                        .collect::<Result<_, _>>()?
                }
            };
            if let Some(stored) = stored {
                let (_, state) = repository(&key, &stored)?;
                changes.push(StoreChange { state, changed });
            }
        }
        Ok(changes)
    }

    /// States first: records may be newer than what the state claims of them, never older.
    async fn named(&self, org: &OrgName, told: &[(RepoId, Told, u64)]) -> Result<Vec<Value>, StoreError> {
        let keys = self.keys.of(org);
        let mut pipeline = Pipeline::with_capacity(1 + told.len());
        pipeline.cmd("HMGET").arg(keys.repositories());
        for (id, _, _) in told {
            pipeline.arg(id.as_str());
        }
        for (id, told, _) in told {
            if let Told::Facts(facts) = told
                && !facts.is_empty()
            {
                pipeline.cmd("HMGET").arg(keys.facts(id));
                for id in facts {
                    pipeline.arg(fact_bytes::of(*id));
                }
            }
        }
        Ok(self.bulk.pipeline(RedisCall::bulk("changes").repeatable(), &pipeline).await?)
    }
}

fn entry(id: &str, mut fields: BTreeMap<String, Vec<u8>>) -> Option<Entry> {
    let sequence = id.strip_suffix("-0")?.parse().ok()?;
    let version = RecordVersion::read(fields.get("v")?)?;
    let repository = RepoId::from(String::from_utf8(fields.remove("r")?).ok()?);
    let told = Told::read(fields.get("f")?)?;
    Some(Entry { position: OrgLogPosition { log: version.0, sequence }, repository, told })
}

/// The entries after a position; `None` when they do not follow it.
fn without_gaps(entries: Vec<Entry>, since: Option<OrgLogPosition>) -> Option<Vec<Entry>> {
    let mut entries = entries.into_iter();
    if let Some(since) = since
        && entries.next()?.position != since
    {
        return None;
    }
    let first = since.map_or(0, |since| since.sequence) + 1;
    let entries: Vec<Entry> = entries.collect();
    let follow = (first..).zip(&entries).all(|(sequence, entry)| entry.position.sequence == sequence);
    follow.then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_at(sequence: u64, log: u64) -> Entry {
        let told = Told::Facts(BTreeSet::new());
        Entry { position: OrgLogPosition { log, sequence }, repository: "R_1".into(), told }
    }

    fn log(entries: &[(u64, u64)]) -> Vec<Entry> {
        entries.iter().map(|(sequence, log)| entry_at(*sequence, *log)).collect()
    }

    #[test]
    fn only_what_follows_the_position_without_a_gap_is_believed() {
        let since = Some(OrgLogPosition { log: 70, sequence: 7 });
        let read = |entries: &[(u64, u64)]| {
            without_gaps(log(entries), since)
                .map(|e| e.iter().map(|e| e.position.sequence).collect::<Vec<_>>())
        };
        assert_eq!(read(&[(7, 70), (8, 80), (9, 90)]), Some(vec![8, 9]));
        assert_eq!(read(&[(7, 71), (8, 80)]), None, "another log");
        assert_eq!(read(&[(8, 80), (9, 90)]), None, "trimmed");
        assert_eq!(read(&[(7, 70), (9, 90)]), None, "a gap");
        assert_eq!(read(&[]), None, "emptied");
        assert!(without_gaps(log(&[(1, 10)]), None).is_some());
        assert!(without_gaps(log(&[(2, 10)]), None).is_none());
    }

    #[test]
    fn what_an_entry_tells_reads_back() {
        let ids = [FactId::Review(1), FactId::PrMerged(u64::MAX)];
        let mut bytes = Vec::new();
        ids.iter().for_each(|id| fact_bytes::push(&mut bytes, *id));
        assert_eq!(Told::read(&bytes), Some(Told::Facts(ids.into_iter().collect())));
        assert_eq!(Told::read(EVERYTHING), Some(Told::Everything));
        assert_eq!(Told::read(&[9, 9]), None);
    }
}

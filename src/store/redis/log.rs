//! Following the changes of all writers.
//!
//! Each organisation has a stream. Its entries are numbered without gaps and carry the random
//! version that the change gave its repository. A reader whose last entry was trimmed from the log,
//! or differs in it (after a failover that lost writes), thus notices and loads everything again.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use github_stats_actors::activity::{OrgName, RepoId, RepoKey};
use github_stats_actors::store::{ChangePosition, LogChanges, OrgLogPosition, StoreChange, StoreError};
use redis::{Pipeline, Value, cmd};

use super::log_entry::{ChangedRecords, LogEntry, entries_after};
use super::reply::{dated, next, parse, record, repository};
use super::store::RedisStore;
use super::version::RepoVersion;
use crate::redis::RedisCall;
use crate::store::fact_bytes;

/// Number of log entries to read at a time.
const ENTRIES: usize = 500;
/// Number of records to read at a time, unless a single entry has more.
const RECORDS: usize = 10_000;
/// Number of organisations that are queried concurrently.
const CONCURRENCY: usize = 16;

/// The changes of one organisation.
enum OrgChanges {
    None,
    /// The log does not continue the reader's position.
    Lost,
    Some {
        changes: Vec<StoreChange>,
        position: OrgLogPosition,
        /// Whether `position` is the end of the log.
        complete: bool,
    },
}

/// A repository and which of its records have changed, up to the entry `last`.
struct ChangedRepository {
    id: RepoId,
    changed: ChangedRecords,
    last: u64,
}

impl RedisStore {
    /// The ends of all logs.
    pub(super) async fn current_position(&self) -> Result<ChangePosition, StoreError> {
        let position = |org: OrgName| async move {
            let position = self.log_position(&org).await?;
            Ok::<_, StoreError>(position.map(|position| (org, position)))
        };
        let organisations = self.all_organisations().await?;
        let positions: Vec<_> =
            stream::iter(organisations).map(position).buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(ChangePosition(positions.into_iter().flatten().collect()))
    }

    /// The changes since a position.
    pub(super) async fn changes_since(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        let listed = self.all_organisations().await?;
        let mut organisations: BTreeSet<OrgName> = since.0.keys().cloned().collect();
        let unlisted: Vec<OrgName> =
            organisations.iter().filter(|org| listed.binary_search(org).is_err()).cloned().collect();
        organisations.extend(listed);
        let read = |org: OrgName| async move {
            let changes = self.org_changes_since(&org, since.0.get(&org).copied()).await?;
            Ok::<_, StoreError>((org, changes))
        };
        let read: Vec<(OrgName, OrgChanges)> =
            stream::iter(organisations).map(read).buffered(CONCURRENCY).try_collect().await?;
        let mut position = since.clone();
        let mut changes = Vec::new();
        let mut complete = true;
        for (org, org_changes) in read {
            match org_changes {
                OrgChanges::Lost => return Ok(LogChanges::Lost),
                OrgChanges::None => {}
                OrgChanges::Some { changes: of_org, position: reached, complete: at_end } => {
                    changes.extend(of_org);
                    complete &= at_end;
                    position.0.insert(org, reached);
                }
            }
        }
        // Their logs are intact, so only the list of organisations has lost them.
        for org in &unlisted {
            self.register(org).await?;
        }
        Ok(LogChanges::Changes { changes, complete, position })
    }

    async fn org_changes_since(
        &self,
        org: &OrgName,
        since: Option<OrgLogPosition>,
    ) -> Result<OrgChanges, StoreError> {
        let end = match (self.log_position(org).await?, since) {
            (None, None) => return Ok(OrgChanges::None),
            (None, Some(_)) => return Ok(OrgChanges::Lost),
            (Some(end), Some(since)) if end == since => return Ok(OrgChanges::None),
            (Some(end), Some(since)) if end.sequence <= since.sequence => return Ok(OrgChanges::Lost),
            (Some(end), _) => end,
        };
        let entries = self.entries(org, since).await?;
        let Some(entries) = entries_after(entries, since) else { return Ok(OrgChanges::Lost) };
        let Some(position) = entries.last().map(|entry| entry.position) else {
            tracing::warn!(%org, sequence = end.sequence, "entries are missing from the log of changes; everything is loaded again");
            return Ok(OrgChanges::Lost);
        };
        let changes = self.changes_of(org, entries).await?;
        Ok(OrgChanges::Some { changes, position, complete: position.sequence >= end.sequence })
    }

    /// The end of an organisation's log; `None` if it has no log.
    async fn log_position(&self, org: &OrgName) -> Result<Option<OrgLogPosition>, StoreError> {
        let mut command = cmd("HMGET");
        command.arg(self.keys.of(org).meta()).arg("sequence").arg("tip");
        let (sequence, tip): (Option<u64>, Option<Vec<u8>>) =
            self.quick.query(RedisCall::quick("changes").repeatable(), &command).await?;
        let Some(sequence) = sequence else { return Ok(None) };
        let tip = tip.as_deref().and_then(RepoVersion::parse);
        let tip = tip.ok_or_else(|| StoreError::Damaged(format!("the log of {org} has no tip")))?;
        Ok(Some(OrgLogPosition { log: tip.0, sequence }))
    }

    /// The entry at a position, which proves that the log is still the same, and entries after it:
    /// at most as many as have [`RECORDS`] changed records, but at least one.
    async fn entries(
        &self,
        org: &OrgName,
        since: Option<OrgLogPosition>,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut command = cmd("XRANGE");
        command.arg(self.keys.of(org).log());
        match since {
            Some(since) => command.arg(format!("{}-0", since.sequence)),
            None => command.arg("-"),
        };
        command.arg("+").arg("COUNT").arg(ENTRIES);
        let reply: Vec<(String, BTreeMap<String, Vec<u8>>)> =
            self.bulk.query(RedisCall::bulk("changes").repeatable(), &command).await?;
        let mut entries = Vec::with_capacity(reply.len());
        let mut records = 0;
        for (id, fields) in reply {
            let entry = LogEntry::parse(&id, fields).ok_or_else(|| {
                StoreError::Damaged(format!("entry {id} of the log of {org} cannot be parsed"))
            })?;
            records += match &entry.changed {
                ChangedRecords::Listed(ids) => ids.len(),
                ChangedRecords::All => RECORDS,
            };
            entries.push(entry);
            if records > RECORDS && entries.len() > 1 {
                break;
            }
        }
        Ok(entries)
    }

    /// The current data of the repositories and records in the entries: each once, in the order of
    /// the last entry of each repository.
    async fn changes_of(
        &self,
        org: &OrgName,
        entries: Vec<LogEntry>,
    ) -> Result<Vec<StoreChange>, StoreError> {
        let repositories = by_repository(entries);
        let mut replies = self.read_changed(org, &repositories).await?.into_iter();
        let states: Vec<Option<Vec<u8>>> = parse(next(&mut replies)?)?;
        let mut changes = Vec::with_capacity(repositories.len());
        for (ChangedRepository { id, changed, .. }, state) in repositories.into_iter().zip(states) {
            let key = RepoKey { org: org.clone(), id };
            let changed = match changed {
                ChangedRecords::All => dated(self.facts_of(&key).await?, &key, |_| true)?,
                ChangedRecords::Listed(ids) if ids.is_empty() => Vec::new(),
                ChangedRecords::Listed(ids) => {
                    let records: Vec<Option<Vec<u8>>> = parse(next(&mut replies)?)?;
                    ids.into_iter()
                        .zip(records)
                        .filter_map(|(id, bytes)| Some(record(&key, id, &bytes?).map(|record| (id, record))))
                        .collect::<Result<_, _>>()?
                }
            };
            if let Some(state) = state {
                let (_, state) = repository(&key, &state)?;
                changes.push(StoreChange { state, changed });
            }
        }
        Ok(changes)
    }

    /// Reads the states before the records, so that the records are never older than their state's
    /// coverage.
    async fn read_changed(
        &self,
        org: &OrgName,
        repositories: &[ChangedRepository],
    ) -> Result<Vec<Value>, StoreError> {
        let keys = self.keys.of(org);
        let mut pipeline = Pipeline::with_capacity(1 + repositories.len());
        pipeline.cmd("HMGET").arg(keys.repositories());
        for repository in repositories {
            pipeline.arg(repository.id.as_str());
        }
        for repository in repositories {
            if let ChangedRecords::Listed(ids) = &repository.changed
                && !ids.is_empty()
            {
                pipeline.cmd("HMGET").arg(keys.facts(&repository.id));
                for id in ids {
                    pipeline.arg(fact_bytes::of(*id));
                }
            }
        }
        Ok(self.bulk.pipeline(RedisCall::bulk("changes").repeatable(), &pipeline).await?)
    }
}

/// Joins the entries of each repository, ordered by the last entry.
fn by_repository(entries: Vec<LogEntry>) -> Vec<ChangedRepository> {
    let mut by_id: BTreeMap<RepoId, ChangedRepository> = BTreeMap::new();
    for LogEntry { position, repository: id, changed } in entries {
        let last = position.sequence;
        match by_id.get_mut(&id) {
            Some(repository) => {
                repository.last = last;
                repository.changed.join(changed);
            }
            None => {
                by_id.insert(id.clone(), ChangedRepository { id, changed, last });
            }
        }
    }
    let mut repositories: Vec<ChangedRepository> = by_id.into_values().collect();
    repositories.sort_by_key(|repository| repository.last);
    repositories
}

//! The only path from a source to the store: collects repositories and writes what was found.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::ActorRef;
use futures::StreamExt;
use tracing::Instrument;

use super::{HistorySettings, due_from};
use crate::activity::{
    Batch, DAY, Fact, FactId, FactKind, HeadRead, LocChange, OrgName, Record, RepoId, RepoKey, RepoMeta,
    RepoState, Timestamp, Window,
};
use crate::clock::Clock;
use crate::source::{
    ActivitySource, CollectError, CollectFailure, CollectRequest, Collection, CommitsRead, KnownRepository,
    ListedRepository, RepositoryChanges, RequestPriority, SourceError, SourceErrorKind,
};
use crate::store::{RecordsOf, StoreActor, Write, WriteSource};

/// How long to wait for a store actor that restarts. Writes are idempotent, so they may be
/// repeated.
const PATIENCE: Duration = Duration::from_secs(30);

/// Repositories whose records are read concurrently.
const CONCURRENT_READS: usize = 64;

/// Collects repositories of one organisation; cheap to clone.
#[derive(Clone)]
pub struct Collector {
    pub org: OrgName,
    pub source: Arc<dyn ActivitySource>,
    pub store: ActorRef<StoreActor>,
    pub clock: Arc<Clock>,
    /// How far back collecting goes.
    pub history: HistorySettings,
}

impl Collector {
    /// The first instant that should be covered of a repository, known or new.
    pub fn due_from(&self, state: Option<&RepoState>, now: Timestamp) -> Timestamp {
        due_from(state.map_or(now, |state| state.meta.first_seen), now, self.history)
    }

    /// Nothing that happened before is retained.
    fn retained_from(&self, now: Timestamp) -> Timestamp {
        now - self.history.retention
    }

    /// What a poll of the organisation has to know about a repository.
    pub fn known(&self, state: &RepoState, now: Timestamp) -> KnownRepository {
        KnownRepository {
            name: state.meta.name.clone(),
            head: state.head.clone(),
            history_from: self.due_from(Some(state), now),
            retained_from: self.retained_from(now),
        }
    }

    /// Those of these repositories with a stored review or comment since `since`. A repository
    /// whose records cannot be read is left out: then deletions are only found later.
    pub async fn recently_discussed<'a>(
        &self,
        states: impl Iterator<Item = &'a RepoState>,
        since: Timestamp,
    ) -> Vec<RepoId> {
        let reads: Vec<_> = states
            .map(|state| {
                let message = RecordsOf { key: state.key.clone(), since };
                let store = self.store.clone();
                async move {
                    let id = message.key.id.clone();
                    let stored = store.call_persistently(message, PATIENCE).await.ok()?.ok()?;
                    stored
                        .iter()
                        .any(|(id, record)| is_review_or_comment(*id) && !record.latest.gone)
                        .then_some(id)
                }
            })
            .collect();
        futures::stream::iter(reads)
            .buffer_unordered(CONCURRENT_READS)
            .filter_map(futures::future::ready)
            .collect()
            .await
    }

    /// Collects everything since `since` and writes it. That covers the time from `since` to the
    /// `Date` of the first answer.
    pub async fn collect(
        &self,
        repository: &ListedRepository,
        state: Option<&RepoState>,
        since: Timestamp,
        source: WriteSource,
    ) -> Result<(), CollectError> {
        let request = self.request(repository, state, since, source);
        let span = tracing::debug_span!("collect", repositories = 1);
        let outcome = self.source.collect(&request).instrument(span).await;
        self.store(&request, outcome, source).await
    }

    /// Collects several repositories together, each since an instant of its own; returns the result
    /// of each.
    pub async fn collect_many(
        &self,
        due: &[(&ListedRepository, Option<&RepoState>, Timestamp)],
        source: WriteSource,
    ) -> Vec<(RepoId, Result<(), CollectError>)> {
        let requests: Vec<CollectRequest> = due
            .iter()
            .map(|(repository, state, since)| self.request(repository, *state, *since, source))
            .collect();
        let span = tracing::debug_span!("collect", repositories = requests.len());
        let mut outcomes = self.source.collect_many(&requests).instrument(span).await;
        let mut results = Vec::with_capacity(requests.len());
        for request in &requests {
            let id = &request.repository.id;
            let outcome = match outcomes.remove(id) {
                Some(outcome) => outcome,
                None => Err(self.missing(request)),
            };
            results.push((id.clone(), self.store(request, outcome, source).await));
        }
        results
    }

    /// Writes what a poll of the organisation found in one repository; `covered` is the time that
    /// is thereby complete.
    pub async fn store_changes(
        &self,
        changes: RepositoryChanges,
        covered: Option<Window>,
        seen_at: Timestamp,
    ) -> Result<(), CollectError> {
        let mut batch = self.empty_batch(&changes.repository, seen_at);
        batch.records = observed(&changes.facts, seen_at);
        if changes.failure.is_none() {
            batch.covered = covered.into_iter().collect();
            batch.head = self.head_of(&mut batch, &changes.commits, &changes.facts, seen_at).await?;
        }
        if let Some(since) = changes.conversations_reread {
            self.add_missing_as_gone(&mut batch, since, &changes.facts, is_review_or_comment).await?;
        }
        if !changes.gone.is_empty() {
            // Facts that are requested by id are at most a day old; another day allows for clock
            // skew.
            let gone: HashSet<FactId> = changes.gone.iter().copied().collect();
            self.add_missing_as_gone(&mut batch, seen_at - 2 * DAY, &[], |id| gone.contains(&id)).await?;
        }
        self.write(batch, WriteSource::LeaderScrape).await?;
        match changes.failure {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    fn request(
        &self,
        repository: &ListedRepository,
        state: Option<&RepoState>,
        since: Timestamp,
        source: WriteSource,
    ) -> CollectRequest {
        let priority = match source {
            WriteSource::LeaderScrape => RequestPriority::Live,
            WriteSource::WorkerBackfill => RequestPriority::Backfill,
        };
        let now = self.clock.now();
        CollectRequest {
            repository: repository.clone(),
            since,
            head: state.and_then(|state| state.head.clone()),
            history_from: self.due_from(state, now),
            retained_from: self.retained_from(now),
            priority,
        }
    }

    async fn store(
        &self,
        request: &CollectRequest,
        outcome: Result<Collection, CollectFailure>,
        source: WriteSource,
    ) -> Result<(), CollectError> {
        match outcome {
            Ok(collection) => {
                let batch = self.batch_of(request, collection).await?;
                self.write(batch, source).await
            }
            Err(failure) => {
                let seen_at = failure.observed_at.unwrap_or_else(|| self.clock.now());
                let mut batch = self.empty_batch(&request.repository, seen_at);
                batch.records = observed(&failure.facts, seen_at);
                // The caller needs to know the failure itself; the facts will be found again.
                if let Err(error) = self.write(batch, source).await {
                    tracing::debug!(%error, org = %self.org, "the facts found by a failed collection were not stored");
                }
                Err(failure.error.into())
            }
        }
    }

    fn missing(&self, request: &CollectRequest) -> CollectFailure {
        let error = SourceError {
            kind: SourceErrorKind::Malformed,
            org: self.org.clone(),
            endpoint: format!("collecting {}", request.repository.name),
            detail: "the source gave no result for this repository".into(),
            retry_after: None,
        };
        CollectFailure { error, observed_at: None, facts: Vec::new() }
    }

    async fn batch_of(
        &self,
        request: &CollectRequest,
        collection: Collection,
    ) -> Result<Batch, CollectError> {
        let seen_at = collection.observed_at;
        let mut batch = self.empty_batch(&request.repository, seen_at);
        batch.records = observed(&collection.facts, seen_at);
        batch.covered = Window::new(request.since, seen_at).into_iter().collect();
        batch.head = self.head_of(&mut batch, &collection.commits, &collection.facts, seen_at).await?;
        Ok(batch)
    }

    /// How far the branch is read now. Stored commits that a complete reading did not find again
    /// are added to the batch as gone.
    async fn head_of(
        &self,
        batch: &mut Batch,
        commits: &CommitsRead,
        facts: &[Fact],
        seen_at: Timestamp,
    ) -> Result<Option<HeadRead>, CollectError> {
        let tip = match commits {
            CommitsRead::Unchanged => return Ok(None),
            CommitsRead::Extended { tip } => *tip,
            CommitsRead::Reread { tip, since } => {
                self.add_missing_as_gone(batch, *since, facts, |id| id.kind() == FactKind::Commit).await?;
                *tip
            }
        };
        Ok(Some(HeadRead { read_at: seen_at, oid: tip }))
    }

    /// Adds the stored facts since `since` to the batch as gone that match the filter and were not
    /// found.
    async fn add_missing_as_gone(
        &self,
        batch: &mut Batch,
        since: Timestamp,
        found: &[Fact],
        filter: impl Fn(FactId) -> bool,
    ) -> Result<(), CollectError> {
        let message = RecordsOf { key: batch.key.clone(), since };
        let stored = self.store.call_persistently(message, PATIENCE).await??;
        let seen_at = batch.meta.seen_at;
        batch.records.extend(missing_as_gone(&stored, found, seen_at, filter));
        Ok(())
    }

    fn empty_batch(&self, repository: &ListedRepository, seen_at: Timestamp) -> Batch {
        Batch::new(
            RepoKey { org: self.org.clone(), id: repository.id.clone() },
            RepoMeta { seen_at, name: repository.name.clone(), first_seen: seen_at },
        )
    }

    /// Keeps the stored lines of code of commits: a source that does not include them reports zero.
    async fn keep_loc(&self, batch: &mut Batch) -> Result<(), CollectError> {
        let commits = batch.records.iter().filter(|(id, _)| id.kind() == FactKind::Commit);
        let earliest = commits.map(|(_, record)| record.latest.at).min();
        let Some(since) = earliest.filter(|_| !self.source.includes_loc()) else { return Ok(()) };
        let message = RecordsOf { key: batch.key.clone(), since };
        let stored = self.store.call_persistently(message, PATIENCE).await??;
        let known: HashMap<FactId, LocChange> =
            stored.into_iter().map(|(id, record)| (id, record.latest.loc)).collect();
        for (id, record) in &mut batch.records {
            if record.latest.loc == LocChange::default()
                && let Some(loc) = known.get(id)
            {
                record.latest.loc = *loc;
            }
        }
        Ok(())
    }

    async fn write(&self, mut batch: Batch, source: WriteSource) -> Result<(), CollectError> {
        self.keep_loc(&mut batch).await?;
        self.store.call_persistently(Write { batch, source }, PATIENCE).await??;
        Ok(())
    }
}

fn is_review_or_comment(id: FactId) -> bool {
    matches!(id.kind(), FactKind::Review | FactKind::IssueComment)
}

fn observed(facts: &[Fact], seen_at: Timestamp) -> Vec<(FactId, Record)> {
    facts.iter().map(|fact| (fact.id, Record::observed(fact, seen_at))).collect()
}

/// The stored records that a complete reading did not find again, marked as gone.
fn missing_as_gone(
    stored: &[(FactId, Record)],
    found: &[Fact],
    seen_at: Timestamp,
    filter: impl Fn(FactId) -> bool,
) -> Vec<(FactId, Record)> {
    let found: HashSet<FactId> = found.iter().map(|fact| fact.id).collect();
    stored
        .iter()
        .filter(|(id, record)| filter(*id) && !record.latest.gone && !found.contains(id))
        .map(|(id, record)| (*id, record.marked_gone(seen_at)))
        .collect()
}

//! Collects one repository and writes what was found: the one path from a source to the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tracing::Instrument;

use super::{
    ActivitySource, CollectFailure, CollectRequest, Collection, CommitsRead, HistorySettings,
    KnownRepository, ListedRepository, RepositoryChanges, RequestPriority, SourceError, due_from,
};
use crate::activity::{
    Batch, DAY, Fact, FactId, FactKind, HeadRead, LocChange, OrgName, Record, RepoId, RepoKey, RepoMeta,
    RepoState, Timestamp, Window,
};
use crate::clock::Clock;
use crate::store::{RecordsOf, StoreActor, StoreError, Write, WriteSource};
use actix_supervisor::{ActorRef, CallError};

/// How long a collector waits for a store actor that restarts; everything it sends may be handled twice.
const PATIENCE: Duration = Duration::from_secs(30);

/// Repositories whose records are read at a time.
const READS: usize = 64;

/// Why a repository was not collected. What had been found by then is stored, but nothing counts as covered.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// GitHub, or the way to it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store actor is not there just now.
    #[error("the store actor did not answer: {0}")]
    Unanswered(#[from] CallError),
}

/// What a collector is made of; cheap to clone.
#[derive(Clone)]
pub struct CollectorSettings {
    /// Whose repositories.
    pub org: OrgName,
    /// Where activity comes from.
    pub source: Arc<dyn ActivitySource>,
    /// Where facts go.
    pub store: ActorRef<StoreActor>,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// How far back collecting goes.
    pub history: HistorySettings,
}

/// Collects repositories of one organisation.
#[derive(Clone)]
pub struct Collector {
    settings: CollectorSettings,
}

impl Collector {
    /// A collector of one organisation.
    pub fn new(settings: CollectorSettings) -> Self {
        Collector { settings }
    }

    /// What it is made of.
    pub fn settings(&self) -> &CollectorSettings {
        &self.settings
    }

    /// The first instant that is due of a repository, known or new.
    pub fn due_from(&self, state: Option<&RepoState>, now: Timestamp) -> Timestamp {
        due_from(state.map_or(now, |state| state.meta.first_seen), now, self.settings.history)
    }

    /// What happened before is not kept.
    fn retained_from(&self, now: Timestamp) -> Timestamp {
        now - self.settings.history.retention
    }

    /// What a look at the whole organisation is told of a repository.
    pub fn known(&self, state: &RepoState, now: Timestamp) -> KnownRepository {
        KnownRepository {
            name: state.meta.name.clone(),
            head: state.head.clone(),
            history_from: self.due_from(Some(state), now),
            retained_from: self.retained_from(now),
        }
    }

    /// In which of these repositories somebody is known to have said something since `since`. A repository of which the
    /// store does not tell is left out: this only finds deletions sooner.
    pub async fn talked_in<'a>(
        &self,
        states: impl Iterator<Item = &'a RepoState>,
        since: Timestamp,
    ) -> Vec<RepoId> {
        let asked: Vec<_> = states
            .map(|state| {
                let message = RecordsOf { key: state.key.clone(), since };
                let store = self.settings.store.clone();
                async move {
                    let id = message.key.id.clone();
                    let stored = store.call_persistently(message, PATIENCE).await.ok()?.ok()?;
                    stored.iter().any(|(id, record)| is_talk(*id) && !record.latest.gone).then_some(id)
                }
            })
            .collect();
        futures::stream::iter(asked)
            .buffer_unordered(READS)
            .filter_map(futures::future::ready)
            .collect()
            .await
    }

    /// Collects everything since `since` and writes it; covered is then what was really read: from `since` to the
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
        let outcome = self.settings.source.collect(&request).instrument(span).await;
        self.store(&request, outcome, source).await
    }

    /// Collects several repositories together; what became of each.
    pub async fn collect_many(
        &self,
        wanted: &[(&ListedRepository, Option<&RepoState>, Timestamp)],
        source: WriteSource,
    ) -> Vec<(RepoId, Result<(), CollectError>)> {
        let requests: Vec<CollectRequest> = wanted
            .iter()
            .map(|(repository, state, since)| self.request(repository, *state, *since, source))
            .collect();
        let span = tracing::debug_span!("collect", repositories = requests.len());
        let mut outcomes = self.settings.source.collect_many(&requests).instrument(span).await;
        let mut results = Vec::with_capacity(requests.len());
        for request in &requests {
            let id = &request.repository.id;
            let outcome = match outcomes.remove(id) {
                Some(outcome) => outcome,
                None => Err(self.unanswered(request)),
            };
            results.push((id.clone(), self.store(request, outcome, source).await));
        }
        results
    }

    /// Writes what a look at the organisation found in one repository; `covered` is what it thereby knows completely.
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
            self.add_vanished(&mut batch, since, &changes.facts, is_talk).await?;
        }
        if !changes.gone.is_empty() {
            // What is looked for by its id is a day old at most; the rest is for clocks that differ.
            let gone: HashSet<FactId> = changes.gone.iter().copied().collect();
            self.add_vanished(&mut batch, seen_at - 2 * DAY, &[], |id| gone.contains(&id)).await?;
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
        let purpose = match source {
            WriteSource::LeaderScrape => RequestPriority::Live,
            WriteSource::WorkerBackfill => RequestPriority::Backfill,
        };
        let now = self.settings.clock.now();
        CollectRequest {
            repository: repository.clone(),
            since,
            head: state.and_then(|state| state.head.clone()),
            history_from: self.due_from(state, now),
            retained_from: self.retained_from(now),
            purpose,
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
                let seen_at = failure.observed_at.unwrap_or_else(|| self.settings.clock.now());
                let mut batch = self.empty_batch(&request.repository, seen_at);
                batch.records = observed(&failure.facts, seen_at);
                // The failure itself is what the caller needs to hear of; what was found will be found again.
                if let Err(error) = self.write(batch, source).await {
                    tracing::debug!(%error, org = %self.settings.org, "what a failed collection had found was not stored");
                }
                Err(failure.error.into())
            }
        }
    }

    fn unanswered(&self, request: &CollectRequest) -> CollectFailure {
        let error = SourceError {
            kind: super::SourceErrorKind::Malformed,
            org: self.settings.org.clone(),
            endpoint: format!("collecting {}", request.repository.name),
            detail: "the source said nothing of this repository".into(),
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

    /// How far the branch is read now; what a complete reading did not find again is added as gone.
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
                self.add_vanished(batch, *since, facts, |id| id.kind() == FactKind::Commit).await?;
                *tip
            }
        };
        Ok(Some(HeadRead { read_at: seen_at, oid: tip }))
    }

    /// Adds as gone what is stored since `since`, is of this kind and was not found.
    async fn add_vanished(
        &self,
        batch: &mut Batch,
        since: Timestamp,
        found: &[Fact],
        concerns: impl Fn(FactId) -> bool,
    ) -> Result<(), CollectError> {
        let message = RecordsOf { key: batch.key.clone(), since };
        let stored = self.settings.store.call_persistently(message, PATIENCE).await??;
        let seen_at = batch.meta.seen_at;
        batch.records.extend(vanished(&stored, found, seen_at, concerns));
        Ok(())
    }

    fn empty_batch(&self, repository: &ListedRepository, seen_at: Timestamp) -> Batch {
        Batch::new(
            RepoKey { org: self.settings.org.clone(), id: repository.id.clone() },
            RepoMeta { seen_at, name: repository.name.clone(), first_seen: seen_at },
        )
    }

    /// A source that does not tell lines has not seen that there are none: what is known of them stays.
    async fn keep_lines(&self, batch: &mut Batch) -> Result<(), CollectError> {
        let commits = batch.records.iter().filter(|(id, _)| id.kind() == FactKind::Commit);
        let earliest = commits.map(|(_, record)| record.latest.at).min();
        let Some(since) = earliest.filter(|_| !self.settings.source.tells_lines()) else { return Ok(()) };
        let message = RecordsOf { key: batch.key.clone(), since };
        let stored = self.settings.store.call_persistently(message, PATIENCE).await??;
        let known: HashMap<FactId, LocChange> =
            stored.into_iter().map(|(id, record)| (id, record.latest.lines)).collect();
        for (id, record) in &mut batch.records {
            if record.latest.lines == LocChange::default()
                && let Some(lines) = known.get(id)
            {
                record.latest.lines = *lines;
            }
        }
        Ok(())
    }

    async fn write(&self, mut batch: Batch, source: WriteSource) -> Result<(), CollectError> {
        self.keep_lines(&mut batch).await?;
        self.settings.store.call_persistently(Write { batch, source }, PATIENCE).await??;
        Ok(())
    }
}

fn is_talk(id: FactId) -> bool {
    matches!(id.kind(), FactKind::Review | FactKind::IssueComment)
}

fn observed(facts: &[Fact], seen_at: Timestamp) -> Vec<(FactId, Record)> {
    facts.iter().map(|fact| (fact.id, Record::observed(fact, seen_at))).collect()
}

/// The stored records that a complete reading did not find again.
fn vanished(
    stored: &[(FactId, Record)],
    found: &[Fact],
    seen_at: Timestamp,
    concerns: impl Fn(FactId) -> bool,
) -> Vec<(FactId, Record)> {
    let found: HashSet<FactId> = found.iter().map(|fact| fact.id).collect();
    stored
        .iter()
        .filter(|(id, record)| concerns(*id) && !record.latest.gone && !found.contains(id))
        .map(|(id, record)| (*id, record.vanished(seen_at)))
        .collect()
}

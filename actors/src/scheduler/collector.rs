//! Collects one repository and writes what was found: the one path from a source to the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{
    ActivitySource, CollectRequest, Collection, CommitsRead, HistorySettings, ListedRepository, SourceError,
    due_from,
};
use crate::activity::{
    Batch, Fact, FactId, HeadRead, Kind, OrgName, Record, RepoKey, RepoMeta, RepoState, Timestamp, Window,
};
use crate::clock::Clock;
use crate::store::{RecordsOf, StoreActor, StoreError, Write, WriteSource};
use crate::supervision::{ActorRef, CallError};

/// How long a collector waits for a store actor that restarts; everything it sends may be handled twice.
const PATIENCE: Duration = Duration::from_secs(30);

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

    /// Collects everything since `since` and writes it; covered is then what was really read: from `since` to the
    /// `Date` of the first answer.
    pub async fn collect(
        &self,
        repository: &ListedRepository,
        state: Option<&RepoState>,
        since: Timestamp,
        source: WriteSource,
    ) -> Result<(), CollectError> {
        let now = self.settings.clock.now();
        let request = CollectRequest {
            repository: repository.clone(),
            since,
            head: state.and_then(|state| state.head.clone()),
            history_from: self.due_from(state, now),
        };
        match self.settings.source.collect(&request).await {
            Ok(collection) => {
                let batch = self.batch_of(&request, collection).await?;
                self.write(batch, source).await
            }
            Err(failure) => {
                let seen_at = failure.observed_at.unwrap_or(now);
                let mut batch = self.empty_batch(repository, seen_at);
                batch.records = observed(&failure.facts, seen_at);
                // The failure itself is what the caller needs to hear of; what was found will be found again.
                if let Err(error) = self.write(batch, source).await {
                    tracing::debug!(%error, org = %self.settings.org, "what a failed collection had found was not stored");
                }
                Err(failure.error.into())
            }
        }
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
        let tip = match collection.commits {
            CommitsRead::Unchanged => None,
            CommitsRead::Extended { tip } => Some(tip),
            CommitsRead::Reread { tip, since } => {
                let message = RecordsOf { key: batch.key.clone(), since };
                let stored = self.settings.store.call_persistently(message, PATIENCE).await??;
                batch.records.extend(vanished(&stored, &collection.facts, seen_at));
                Some(tip)
            }
        };
        batch.head = tip.map(|oid| HeadRead { read_at: seen_at, oid });
        Ok(batch)
    }

    fn empty_batch(&self, repository: &ListedRepository, seen_at: Timestamp) -> Batch {
        Batch::new(
            RepoKey { org: self.settings.org.clone(), id: repository.id.clone() },
            RepoMeta { seen_at, name: repository.name.clone(), first_seen: seen_at },
        )
    }

    async fn write(&self, batch: Batch, source: WriteSource) -> Result<(), CollectError> {
        self.settings.store.call_persistently(Write { batch, source }, PATIENCE).await??;
        Ok(())
    }
}

fn observed(facts: &[Fact], seen_at: Timestamp) -> Vec<(FactId, Record)> {
    facts.iter().map(|fact| (fact.id, Record::observed(fact, seen_at))).collect()
}

/// The stored commits that a complete reading did not find again.
fn vanished(stored: &[(FactId, Record)], found: &[Fact], seen_at: Timestamp) -> Vec<(FactId, Record)> {
    let found: HashSet<FactId> = found.iter().map(|fact| fact.id).collect();
    stored
        .iter()
        .filter(|(id, record)| id.kind() == Kind::Commit && !record.latest.gone && !found.contains(id))
        .map(|(id, record)| (*id, record.vanished(seen_at)))
        .collect()
}

//! One scrape of an organisation: collects what is due, and enqueues jobs for what is missing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::ActorRef;
use futures::StreamExt;

use super::roster::Roster;
use super::{
    Collector, CycleReport, CycleResult, PollGroup, SchedulerEvent, completeness, interior_gaps, live_since,
    poll_group,
};
use crate::activity::{RepoId, RepoName, RepoState, Timestamp, Window};
use crate::loc::LocCollector;
use crate::observer::Observer;
use crate::queue::{Enqueue, JobReason, QueueActor, WindowRequest};
use crate::role::RoleWatch;
use crate::source::{
    Changes, ChangesRequest, CollectError, ListedRepository, Reconcile, RepositoryChanges, SourceError,
    SourceErrorKind,
};
use crate::store::{RepositoriesOf, WriteSource};

/// Writes of a poll that are sent to the store concurrently, so that it can commit many together.
const WRITES: usize = 256;

/// The scrape cycle of one organisation; cheap to clone.
///
/// Repositories whose coverage is nearly current are brought up to date by one poll of the whole
/// organisation, if the source can do that. The others are collected one by one or in batches.
#[derive(Clone)]
pub struct ScrapeCycle {
    pub collector: Collector,
    /// Receives the windows that are missing.
    pub queue: ActorRef<QueueActor>,
    /// Repositories, or batches of them, that are collected concurrently.
    pub concurrency: usize,
    /// The role in the organisation's shard.
    pub role: RoleWatch,
    pub observer: Arc<dyn Observer<SchedulerEvent>>,
}

/// A repository that failed, and what is missing of it.
struct Missed {
    request: WindowRequest,
    error: CollectError,
}

type States = HashMap<RepoId, RepoState>;

/// What is left to do after the poll or the listing at the beginning of a cycle.
struct Progress {
    now: Timestamp,
    missed: Vec<Missed>,
    /// Repositories that the poll brought up to date, or tried to.
    done: HashSet<RepoId>,
}

impl ScrapeCycle {
    /// Runs a cycle that was due at `due`. `roster` remembers the repositories between cycles.
    pub(super) async fn run(&self, due: Timestamp, roster: &mut Roster) -> CycleReport {
        let before = match self.states().await {
            Ok(states) => states,
            Err(error) => return CycleReport::cut_short(CycleResult::Cancelled, Some(error)),
        };
        let progress = match self.poll_or_list(&before, roster).await {
            Ok(progress) => progress,
            Err(error) => return CycleReport::cut_short(CycleResult::from(&error), Some(error.to_string())),
        };
        let left = roster.repositories().filter(|repository| !progress.done.contains(&repository.id));
        let mut missed = progress.missed;
        missed.extend(self.collect(left.collect(), &before, progress.now).await);
        let after = self.states().await.unwrap_or(before);
        let listed = || roster.repositories().filter_map(|repository| after.get(&repository.id));
        self.enqueue(&missed, listed()).await;
        CycleReport {
            result: result_of(roster.len(), &missed),
            repositories: roster.len(),
            failed: missed.len(),
            error: missed.first().map(|missed| missed.error.to_string()),
            completeness: Some(completeness(listed(), due, self.collector.history)),
        }
    }

    /// Collects lines of code after a cycle. They only enrich the numbers, so a failure is no
    /// failure of the cycle.
    pub(super) async fn collect_loc(&self, roster: &Roster, loc: &LocCollector) {
        if self.collector.source.includes_loc() {
            return;
        }
        let Ok(states) = self.states().await else { return };
        let known = roster.repositories().filter_map(|repository| {
            let state = states.get(&repository.id)?;
            Some((repository.clone(), state))
        });
        let known: Vec<_> = known.collect();
        loc.round(&known, self.concurrency).await;
    }

    /// Reports the end of a cycle to the observer and to the log.
    pub(super) fn report(&self, report: &CycleReport, took: Duration) {
        let org = self.collector.org.clone();
        let (result, repositories, failed) = (report.result.as_str(), report.repositories, report.failed);
        match &report.error {
            None => tracing::info!(%org, result, repositories, ?took, "scraped"),
            Some(error) => {
                tracing::warn!(%org, result, repositories, failed, ?took, error, "scraped with errors")
            }
        }
        self.observer.on_event(SchedulerEvent::CycleFinished { org, result: report.result, took });
    }

    async fn states(&self) -> Result<States, String> {
        let message = RepositoriesOf(self.collector.org.clone());
        let answer = self.collector.store.call(message).await.map_err(|error| error.to_string())?;
        let states = answer.map_err(|error| error.to_string())?;
        Ok(states.into_iter().map(|state| (state.key.id.clone(), state)).collect())
    }

    async fn poll_or_list(&self, before: &States, roster: &mut Roster) -> Result<Progress, SourceError> {
        match self.poll(before, roster).await? {
            Some(progress) => Ok(progress),
            None => self.list(roster).await,
        }
    }

    async fn list(&self, roster: &mut Roster) -> Result<Progress, SourceError> {
        let listing = self.collector.source.list().await?;
        let now = listing.observed_at;
        roster.replace(listing.repositories);
        Ok(Progress { now, missed: Vec::new(), done: HashSet::new() })
    }

    /// Enqueues what failed, although the next cycle tries it again, and gaps before the end of
    /// coverage, which no cycle would collect.
    async fn enqueue<'a>(&self, missed: &[Missed], states: impl Iterator<Item = &'a RepoState>) {
        let now = self.collector.clock.now();
        let mut requests: Vec<WindowRequest> = missed.iter().map(|missed| missed.request.clone()).collect();
        for state in states {
            let gaps = interior_gaps(state, self.collector.due_from(Some(state), now));
            requests.extend(
                gaps.into_iter()
                    .map(|gap| self.request(&state.key.id, state.meta.name.clone(), gap, JobReason::Gap)),
            );
        }
        if requests.is_empty() {
            return;
        }
        if let Err(error) = self.queue.call(Enqueue(requests)).await {
            tracing::warn!(%error, org = %self.collector.org, "missed windows were not enqueued; the next cycle finds them again");
        }
    }

    fn request(&self, id: &RepoId, name: RepoName, window: Window, reason: JobReason) -> WindowRequest {
        WindowRequest { org: self.collector.org.clone(), repo: Some((id.clone(), name)), window, reason }
    }

    fn missed(
        &self,
        id: &RepoId,
        name: &RepoName,
        (since, now): (Timestamp, Timestamp),
        error: CollectError,
    ) -> Option<Missed> {
        let reason = match &error {
            CollectError::Source(error) if error.kind == SourceErrorKind::RateLimited => {
                JobReason::RateLimited
            }
            _ => JobReason::ScrapeError,
        };
        let window = Window::new(since, now.max(since + 1))?;
        Some(Missed { request: self.request(id, name.clone(), window, reason), error })
    }
}

// === Repositories that are nearly current: one poll of the organisation ===

impl ScrapeCycle {
    /// Brings the repositories that are nearly current up to date. `None` if the source cannot do
    /// that, or nothing is covered yet.
    async fn poll(&self, before: &States, roster: &mut Roster) -> Result<Option<Progress>, SourceError> {
        let now = self.collector.clock.now();
        let candidates = before.values().filter(|state| roster.may_exist(&state.key.id));
        let Some(PollGroup { since, states }) = poll_group(candidates) else { return Ok(None) };
        let reconcile = roster.due(now);
        let known = states.iter().map(|state| (state.key.id.clone(), self.collector.known(state, now)));
        let recently_discussed = match reconcile {
            Reconcile::Conversations { since } if roster.is_first_reread() => {
                self.collector.recently_discussed(states.iter().copied(), since).await
            }
            _ => Vec::new(),
        };
        let request = ChangesRequest { since, known: known.collect(), reconcile, recently_discussed };
        let Some(changes) = self.collector.source.changes(&request).await? else {
            return Ok(None);
        };
        roster.apply(&changes, reconcile);
        self.store(changes, &request, roster).await.map(Some)
    }

    async fn store(
        &self,
        changes: Changes,
        request: &ChangesRequest,
        roster: &Roster,
    ) -> Result<Progress, SourceError> {
        let now = changes.observed_at;
        let covered = Window::new(request.since, now).filter(|_| changes.failure.is_none());
        let mut found: HashMap<RepoId, RepositoryChanges> =
            changes.changed.into_iter().map(|changed| (changed.repository.id.clone(), changed)).collect();
        let present = roster.repositories().filter(|repository| request.known.contains_key(&repository.id));
        let writes: Vec<RepositoryChanges> = present
            .filter_map(|repository| match found.remove(&repository.id) {
                Some(changes) => Some(changes),
                None => covered.map(|_| RepositoryChanges::none(repository.clone())),
            })
            .collect();
        let done = writes.iter().map(|changes| changes.repository.id.clone()).collect();
        let missed = futures::stream::iter(writes)
            .map(|changes| async move {
                let ListedRepository { id, name, .. } = changes.repository.clone();
                let error = self.collector.store_changes(changes, covered, now).await.err()?;
                self.missed(&id, &name, (request.since, now), error)
            })
            .buffer_unordered(WRITES)
            .filter_map(|missed| async move { missed })
            .collect()
            .await;
        match changes.failure {
            Some(error) => Err(error),
            None => Ok(Progress { now, missed, done }),
        }
    }
}

// === Repositories that are new or far behind: collected one by one, or in batches ===

impl ScrapeCycle {
    async fn collect(&self, left: Vec<&ListedRepository>, before: &States, now: Timestamp) -> Vec<Missed> {
        let batch = self.collector.source.batch_size().max(1);
        futures::stream::iter(left.chunks(batch))
            .map(|repositories| self.collect_batch(repositories, before, now))
            .buffer_unordered(self.concurrency.max(1))
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn collect_batch(
        &self,
        repositories: &[&ListedRepository],
        before: &States,
        now: Timestamp,
    ) -> Vec<Missed> {
        let due: Vec<_> = repositories
            .iter()
            .map(|repository| {
                let state = before.get(&repository.id);
                (*repository, state, live_since(state, self.collector.due_from(state, now)))
            })
            .collect();
        let results = self.collector.collect_many(&due, WriteSource::LeaderScrape).await;
        let mut errors: HashMap<RepoId, CollectError> =
            results.into_iter().filter_map(|(id, result)| Some((id, result.err()?))).collect();
        let failed = due.iter().filter_map(|(repository, _, since)| {
            let error = errors.remove(&repository.id)?;
            self.missed(&repository.id, &repository.name, (*since, now), error)
        });
        failed.collect()
    }
}

/// A cycle failed if more than half of the repositories did; an exhausted quota says nothing about
/// GitHub's health.
fn result_of(repositories: usize, missed: &[Missed]) -> CycleResult {
    let limited = missed.iter().filter(|missed| missed.request.reason == JobReason::RateLimited).count();
    let failed = missed.len() - limited;
    if failed * 2 > repositories {
        CycleResult::Failure
    } else if limited > 0 {
        CycleResult::RateLimited
    } else if failed > 0 {
        CycleResult::Partial
    } else {
        CycleResult::Success
    }
}

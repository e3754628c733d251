//! The actor that scrapes one organisation, one cycle at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures::StreamExt;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::cycle::unlisted;
use super::roster::Roster;
use super::{
    Changes, ChangesRequest, CollectError, Collector, CycleReport, CycleResult, ListedRepository, Reconcile,
    RepositoryChanges, SourceError, SourceErrorKind, completeness, holes, live_since, together,
};
use crate::activity::{RepoId, RepoName, RepoState, Timestamp, Window};
use crate::event::{Event, Observer};
use crate::loc::{LocCollector, LocSettings};
use crate::queue::{Enqueue, JobReason, QueueActor, WindowRequest};
use crate::role::{RoleWatch, SchedulingAuthority};
use crate::store::{RepositoriesOf, WriteSource};
use actix_supervisor::ActorRef;

/// How many writes of a look are on their way to the store at a time; the store commits what has gathered together.
const WRITES: usize = 256;

/// What a scraper is made of.
#[derive(Clone)]
pub struct ScraperSettings {
    /// The path from GitHub to the store.
    pub collector: Collector,
    /// Where missed windows go.
    pub queue: ActorRef<QueueActor>,
    /// Repositories, or batches of them, collected at a time.
    pub concurrency: usize,
    /// Whether this replica still leads.
    pub role: RoleWatch,
    /// Where the lines of commits come from, where collecting does not tell them.
    pub lines: LocSettings,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
}

/// Scrapes one organisation. Where a cycle goes on is read from the stored coverage, so that an incarnation that dies in
/// the middle of one costs only the time; which repositories there are is asked for again by each incarnation.
pub struct OrgScraper {
    settings: ScraperSettings,
    roster: Roster,
    desk: Arc<LocCollector>,
}

impl OrgScraper {
    /// A scraper that waits for its first cycle.
    pub fn new(settings: ScraperSettings) -> Self {
        let desk = Arc::new(LocCollector::new(settings.lines));
        OrgScraper { settings, roster: Roster::default(), desk }
    }
}

impl Actor for OrgScraper {
    type Context = Context<Self>;
}

// === RunCycle ===

/// Runs one cycle now.
#[derive(Clone, Debug, Message)]
#[rtype(result = "CycleReport")]
pub struct RunCycle {
    /// What it runs under; it ends with that.
    pub mandate: SchedulingAuthority,
    /// When it was due, on GitHub's clock.
    pub due: Timestamp,
}

impl Handler<RunCycle> for OrgScraper {
    type Result = ResponseActFuture<Self, CycleReport>;

    fn handle(&mut self, message: RunCycle, _: &mut Self::Context) -> Self::Result {
        let settings = self.settings.clone();
        // A cycle that is cut off leaves an empty roster behind: the next one lists everything.
        let mut roster = std::mem::take(&mut self.roster);
        let desk = self.desk.clone();
        let org = &settings.collector.settings().org;
        let span = tracing::info_span!("scrape.cycle", %org, result = Empty, repositories = Empty, failed = Empty, otel.status_code = Empty, otel.status_description = Empty);
        let run = async move {
            let started = Instant::now();
            let report = tokio::select! {
                report = settings.cycle(message.due, &mut roster) => report,
                () = settings.role.ended(message.mandate) => CycleReport::cut_short(CycleResult::Cancelled, None),
            };
            let org = &settings.collector.settings().org;
            let event = Event::CycleFinished { org, result: report.result, took: started.elapsed() };
            settings.observer.on_event(event);
            settings.log(&report, started.elapsed());
            report.tell(&Span::current());
            if matches!(report.result, CycleResult::Success | CycleResult::Partial) {
                tokio::select! {
                    () = settings.read_lines(&roster, &desk) => {}
                    () = settings.role.ended(message.mandate) => {}
                }
            }
            (report, roster)
        };
        Box::pin(run.instrument(span).into_actor(self).map(|(report, roster), actor, _| {
            actor.roster = roster;
            report
        }))
    }
}

/// A repository that failed, and what is missing of it.
struct Missed {
    wanted: WindowRequest,
    error: CollectError,
}

type States = HashMap<RepoId, RepoState>;

/// What a look at the organisation left to do.
struct Looked {
    now: Timestamp,
    missed: Vec<Missed>,
    /// Repositories that the look brought up to date, or tried to.
    done: HashSet<RepoId>,
}

impl ScraperSettings {
    async fn cycle(&self, due: Timestamp, roster: &mut Roster) -> CycleReport {
        let before = match self.states().await {
            Ok(states) => states,
            Err(error) => return CycleReport::cut_short(CycleResult::Cancelled, Some(error)),
        };
        let looked = match self.look(&before, roster).await {
            Ok(Some(looked)) => looked,
            Ok(None) => match self.list(roster).await {
                Ok(looked) => looked,
                Err(error) => return CycleReport::cut_short(unlisted(&error), Some(error.to_string())),
            },
            Err(error) => return CycleReport::cut_short(unlisted(&error), Some(error.to_string())),
        };
        let left = roster.repositories().filter(|repository| !looked.done.contains(&repository.id));
        let mut missed = looked.missed;
        missed.extend(self.scrape(left.collect(), &before, looked.now).await);
        let after = self.states().await.unwrap_or(before);
        let listed = || roster.repositories().filter_map(|repository| after.get(&repository.id));
        self.enqueue(&missed, listed()).await;
        CycleReport {
            result: judge(roster.len(), &missed),
            repositories: roster.len(),
            failed: missed.len(),
            error: missed.first().map(|missed| missed.error.to_string()),
            completeness: Some(completeness(listed(), due, self.collector.settings().history)),
        }
    }

    async fn states(&self) -> Result<States, String> {
        let message = RepositoriesOf(self.collector.settings().org.clone());
        let answer =
            self.collector.settings().store.call(message).await.map_err(|error| error.to_string())?;
        let states = answer.map_err(|error| error.to_string())?;
        Ok(states.into_iter().map(|state| (state.key.id.clone(), state)).collect())
    }

    /// What only makes numbers richer comes last, and its failures are no failures of the cycle.
    async fn read_lines(&self, roster: &Roster, desk: &LocCollector) {
        if self.collector.settings().source.tells_lines() {
            return;
        }
        let Ok(states) = self.states().await else { return };
        let known = roster.repositories().filter_map(|repository| {
            let state = states.get(&repository.id)?;
            Some((repository.clone(), state))
        });
        let known: Vec<_> = known.collect();
        desk.round(&self.collector, &known, self.concurrency, self.observer.as_ref()).await;
    }

    async fn list(&self, roster: &mut Roster) -> Result<Looked, SourceError> {
        let listing = self.collector.settings().source.list().await?;
        let now = listing.observed_at;
        roster.replace(listing.repositories);
        Ok(Looked { now, missed: Vec::new(), done: HashSet::new() })
    }

    /// Backfill finds holes; what fails now is tried again by the next cycle, and enqueued, too.
    async fn enqueue<'a>(&self, missed: &[Missed], states: impl Iterator<Item = &'a RepoState>) {
        let now = self.collector.settings().clock.now();
        let mut wanted: Vec<WindowRequest> = missed.iter().map(|missed| missed.wanted.clone()).collect();
        for state in states {
            let gaps = holes(state, self.collector.due_from(Some(state), now));
            wanted.extend(
                gaps.into_iter()
                    .map(|gap| self.wanted(&state.key.id, state.meta.name.clone(), gap, JobReason::Gap)),
            );
        }
        if wanted.is_empty() {
            return;
        }
        if let Err(error) = self.queue.call(Enqueue(wanted)).await {
            tracing::warn!(%error, org = %self.collector.settings().org, "missed windows were not enqueued; the next cycle finds them again");
        }
    }

    fn wanted(&self, id: &RepoId, name: RepoName, window: Window, reason: JobReason) -> WindowRequest {
        WindowRequest {
            org: self.collector.settings().org.clone(),
            repo: Some((id.clone(), name)),
            window,
            reason,
        }
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
        Some(Missed { wanted: self.wanted(id, name.clone(), window, reason), error })
    }

    fn log(&self, report: &CycleReport, took: Duration) {
        let org = &self.collector.settings().org;
        let (result, repositories, failed) = (report.result.as_str(), report.repositories, report.failed);
        match &report.error {
            None => tracing::info!(%org, result, repositories, ?took, "scraped"),
            Some(error) => {
                tracing::warn!(%org, result, repositories, failed, ?took, error, "scraped with errors")
            }
        }
    }
}

// === Together: one look at the whole organisation ===

impl ScraperSettings {
    /// Brings the repositories that are nearly up to date all the way there; `None` where that cannot be done together.
    async fn look(&self, before: &States, roster: &mut Roster) -> Result<Option<Looked>, SourceError> {
        let now = self.collector.settings().clock.now();
        let wanted = before.values().filter(|state| roster.may_exist(&state.key.id));
        let Some((since, near)) = together(wanted.clone()) else { return Ok(None) };
        let reconcile = roster.due(now);
        let known = near.iter().map(|state| (state.key.id.clone(), self.collector.known(state, now)));
        let talked_in = match reconcile {
            Reconcile::Conversations { since } if roster.is_first_reread() => {
                self.collector.talked_in(near.iter().copied(), since).await
            }
            _ => Vec::new(),
        };
        let request = ChangesRequest { since, known: known.collect(), reconcile, talked_in };
        let Some(changes) = self.collector.settings().source.changes(&request).await? else {
            return Ok(None);
        };
        roster.take_over(&changes, reconcile);
        self.store(changes, &request, roster).await.map(Some)
    }

    async fn store(
        &self,
        changes: Changes,
        request: &ChangesRequest,
        roster: &Roster,
    ) -> Result<Looked, SourceError> {
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
            None => Ok(Looked { now, missed, done }),
        }
    }
}

// === One by one: who is new, or far behind ===

impl ScraperSettings {
    async fn scrape(&self, left: Vec<&ListedRepository>, before: &States, now: Timestamp) -> Vec<Missed> {
        let batch = self.collector.settings().source.batch_size().max(1);
        futures::stream::iter(left.chunks(batch))
            .map(|repositories| self.scrape_batch(repositories, before, now))
            .buffer_unordered(self.concurrency.max(1))
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn scrape_batch(
        &self,
        repositories: &[&ListedRepository],
        before: &States,
        now: Timestamp,
    ) -> Vec<Missed> {
        let wanted: Vec<_> = repositories
            .iter()
            .map(|repository| {
                let state = before.get(&repository.id);
                (*repository, state, live_since(state, self.collector.due_from(state, now)))
            })
            .collect();
        let results = self.collector.collect_many(&wanted, WriteSource::LeaderScrape).await;
        let mut errors: HashMap<RepoId, CollectError> =
            results.into_iter().filter_map(|(id, result)| Some((id, result.err()?))).collect();
        let failed = wanted.iter().filter_map(|(repository, _, since)| {
            let error = errors.remove(&repository.id)?;
            self.missed(&repository.id, &repository.name, (*since, now), error)
        });
        failed.collect()
    }
}

/// More than half of what was due failed: the cycle failed. Quota says nothing about GitHub's health.
fn judge(repositories: usize, missed: &[Missed]) -> CycleResult {
    let limited = missed.iter().filter(|missed| missed.wanted.reason == JobReason::RateLimited).count();
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

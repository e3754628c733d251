//! The actor that scrapes one organisation, one cycle at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures::StreamExt;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    CollectError, Collector, Completeness, ListedRepository, Outcome, SourceError, SourceErrorKind,
    completeness, holes, live_since,
};
use crate::activity::{RepoId, RepoState, Timestamp, Window};
use crate::event::{Event, Observer};
use crate::queue::{Enqueue, QueueActor, Reason, Wanted};
use crate::role::{Epoch, RoleWatch};
use crate::store::{RepositoriesOf, WriteSource};
use crate::supervision::ActorRef;

/// What a scraper is made of.
#[derive(Clone)]
pub struct ScraperSettings {
    /// The path from GitHub to the store.
    pub collector: Collector,
    /// Where missed windows go.
    pub queue: ActorRef<QueueActor>,
    /// Repositories collected at a time.
    pub concurrency: usize,
    /// Whether this replica still leads.
    pub role: RoleWatch,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleResult {
    /// Every repository was collected.
    Success,
    /// At least half of them were.
    Partial,
    /// The organisation could not be listed, or more than half of its repositories failed.
    Failure,
    /// The quota ended it.
    RateLimited,
    /// Leadership ended it.
    Cancelled,
}

impl CycleResult {
    /// The value of the `result` label.
    pub fn as_str(self) -> &'static str {
        match self {
            CycleResult::Success => "success",
            CycleResult::Partial => "partial",
            CycleResult::Failure => "failure",
            CycleResult::RateLimited => "rate_limited",
            CycleResult::Cancelled => "cancelled",
        }
    }

    /// What it says about GitHub.
    pub fn outcome(self) -> Outcome {
        match self {
            CycleResult::Success | CycleResult::Partial => Outcome::Succeeded,
            CycleResult::Failure => Outcome::Failed,
            CycleResult::RateLimited | CycleResult::Cancelled => Outcome::Neither,
        }
    }
}

/// What a cycle did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CycleReport {
    /// How it ended.
    pub result: CycleResult,
    /// Repositories listed.
    pub repositories: usize,
    /// Repositories that failed.
    pub failed: usize,
    /// Why the first of them did, or why none could be listed.
    pub error: Option<String>,
    /// How complete the numbers are now; `None` when that could not be told.
    pub completeness: Option<Completeness>,
}

impl CycleReport {
    fn cut_short(result: CycleResult, error: Option<String>) -> Self {
        CycleReport { result, repositories: 0, failed: 0, error, completeness: None }
    }
}

/// Scrapes one organisation. It keeps nothing: where a cycle goes on is read from the stored coverage, so that an
/// incarnation that dies in the middle of one costs only the time.
pub struct OrgScraper {
    settings: ScraperSettings,
}

impl OrgScraper {
    /// A scraper that waits for its first cycle.
    pub fn new(settings: ScraperSettings) -> Self {
        OrgScraper { settings }
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
    /// The leadership it runs under.
    pub epoch: Epoch,
    /// When it was due, on GitHub's clock.
    pub due: Timestamp,
}

impl Handler<RunCycle> for OrgScraper {
    type Result = ResponseActFuture<Self, CycleReport>;

    fn handle(&mut self, message: RunCycle, _: &mut Self::Context) -> Self::Result {
        let settings = self.settings.clone();
        let run = async move {
            let started = Instant::now();
            let report = tokio::select! {
                report = settings.cycle(message.due) => report,
                () = settings.role.lost(message.epoch) => CycleReport::cut_short(CycleResult::Cancelled, None),
            };
            let org = &settings.collector.settings().org;
            let event = Event::CycleFinished { org, result: report.result, took: started.elapsed() };
            settings.observer.on_event(event);
            settings.log(&report, started.elapsed());
            report
        };
        Box::pin(run.into_actor(self))
    }
}

/// A repository that failed, and what is missing of it.
struct Missed {
    wanted: Wanted,
    error: CollectError,
}

impl ScraperSettings {
    async fn cycle(&self, due: Timestamp) -> CycleReport {
        let listing = match self.collector.settings().source.list().await {
            Ok(listing) => listing,
            Err(error) => return CycleReport::cut_short(unlisted(&error), Some(error.to_string())),
        };
        let before = match self.states().await {
            Ok(states) => states,
            Err(error) => return CycleReport::cut_short(CycleResult::Cancelled, Some(error)),
        };
        let missed: Vec<Missed> = futures::stream::iter(&listing.repositories)
            .map(|repository| self.scrape(repository, before.get(&repository.id), listing.observed_at))
            .buffer_unordered(self.concurrency.max(1))
            .filter_map(|missed| async move { missed })
            .collect()
            .await;
        let after = self.states().await.unwrap_or(before);
        let listed = || listing.repositories.iter().filter_map(|repository| after.get(&repository.id));
        self.enqueue(&missed, listed()).await;
        CycleReport {
            result: judge(listing.repositories.len(), &missed),
            repositories: listing.repositories.len(),
            failed: missed.len(),
            error: missed.first().map(|missed| missed.error.to_string()),
            completeness: Some(completeness(listed(), due, self.collector.settings().history)),
        }
    }

    async fn states(&self) -> Result<HashMap<RepoId, RepoState>, String> {
        let message = RepositoriesOf(self.collector.settings().org.clone());
        let answer =
            self.collector.settings().store.call(message).await.map_err(|error| error.to_string())?;
        let states = answer.map_err(|error| error.to_string())?;
        Ok(states.into_iter().map(|state| (state.key.id.clone(), state)).collect())
    }

    async fn scrape(
        &self,
        repository: &ListedRepository,
        state: Option<&RepoState>,
        now: Timestamp,
    ) -> Option<Missed> {
        let since = live_since(state, self.collector.due_from(state, now));
        let error =
            self.collector.collect(repository, state, since, WriteSource::LeaderScrape).await.err()?;
        let reason = match &error {
            CollectError::Source(error) if error.kind == SourceErrorKind::RateLimited => Reason::RateLimited,
            _ => Reason::ScrapeError,
        };
        let window = Window::new(since, now.max(since + 1))?;
        Some(Missed { wanted: self.wanted(&repository.id, repository.name.clone(), window, reason), error })
    }

    /// Hands what failed, and the holes of what did not, to the backfill queue. Should the queue actor not be there,
    /// the next cycle finds the same gaps.
    async fn enqueue<'a>(&self, missed: &[Missed], states: impl Iterator<Item = &'a RepoState>) {
        let now = self.collector.settings().clock.now();
        let mut wanted: Vec<Wanted> = missed.iter().map(|missed| missed.wanted.clone()).collect();
        for state in states {
            let gaps = holes(state, self.collector.due_from(Some(state), now));
            wanted.extend(
                gaps.into_iter()
                    .map(|gap| self.wanted(&state.key.id, state.meta.name.clone(), gap, Reason::Gap)),
            );
        }
        if wanted.is_empty() {
            return;
        }
        if let Err(error) = self.queue.call(Enqueue(wanted)).await {
            tracing::warn!(%error, org = %self.collector.settings().org, "missed windows were not enqueued; the next cycle finds them again");
        }
    }

    fn wanted(&self, id: &RepoId, name: crate::activity::RepoName, window: Window, reason: Reason) -> Wanted {
        Wanted { org: self.collector.settings().org.clone(), repo: Some((id.clone(), name)), window, reason }
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

fn unlisted(error: &SourceError) -> CycleResult {
    match error.kind {
        SourceErrorKind::RateLimited => CycleResult::RateLimited,
        _ => CycleResult::Failure,
    }
}

/// More than half of what was due failed: the cycle failed. Quota says nothing about GitHub's health.
fn judge(repositories: usize, missed: &[Missed]) -> CycleResult {
    let limited = missed.iter().filter(|missed| missed.wanted.reason == Reason::RateLimited).count();
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

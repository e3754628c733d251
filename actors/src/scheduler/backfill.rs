//! The work of a backfill job: collects whatever part of its window is not covered.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Cooldowns};
use crate::activity::{OrgName, RepoState, Window};
use crate::maintenance::PauseRegistry;
use crate::queue::{Handled, Job, JobError, JobHandler};
use crate::source::{CollectError, ListedRepository, SourceErrorKind};
use crate::store::{RepositoriesOf, WriteSource};

/// How long a job is deferred for a rate limit if GitHub does not say how long.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);
/// How long a job of a paused organisation is deferred: an operator may end the pause at any time.
const MAINTENANCE_PAUSE: Duration = Duration::from_secs(60);

/// Handles the jobs of all configured organisations.
pub struct BackfillHandler {
    collectors: HashMap<OrgName, Collector>,
    cooldowns: Cooldowns,
    maintenance: PauseRegistry,
}

impl BackfillHandler {
    /// A handler for the organisations of these collectors. It defers jobs of organisations that
    /// are in cooldown or paused.
    pub fn new(
        collectors: impl IntoIterator<Item = Collector>,
        cooldowns: Cooldowns,
        maintenance: PauseRegistry,
    ) -> Self {
        let by_org = collectors.into_iter().map(|collector| (collector.org.clone(), collector));
        BackfillHandler { collectors: by_org.collect(), cooldowns, maintenance }
    }

    fn collector(&self, job: &Job) -> Result<&Collector, JobError> {
        self.collectors.get(&job.org).ok_or_else(|| JobError {
            message: format!("organisation \"{}\" is not configured on this replica", job.org),
            permanent: true,
        })
    }
}

#[async_trait]
impl JobHandler for BackfillHandler {
    async fn handle(&self, job: &Job) -> Result<Handled, JobError> {
        let collector = self.collector(job)?;
        let window = job.window().ok_or_else(|| JobError {
            message: format!("the window [{}, {}) is empty", job.window_start, job.window_end),
            permanent: true,
        })?;
        let now = collector.clock.now();
        if self.maintenance.cached_pause(&job.org).is_some() {
            return Ok(Handled::Deferred(MAINTENANCE_PAUSE));
        }
        if let Some(remaining) = self.cooldowns.remaining(&job.org, now).await {
            return Ok(Handled::Deferred(remaining));
        }
        let message = RepositoriesOf(job.org.clone());
        let states = collector.store.call(message).await.map_err(transient)?.map_err(transient)?;
        let (mut repaired, mut failed) = (false, None);
        for state in states.iter().filter(|state| concerns(job, state)) {
            match repair(collector, state, window).await {
                Ok(had_gap) => repaired |= had_gap,
                Err(CollectError::Source(error)) if error.kind == SourceErrorKind::RateLimited => {
                    return Ok(Handled::Deferred(error.retry_after.unwrap_or(RATE_LIMIT_PAUSE)));
                }
                // A job of the whole organisation skips repositories that no longer exist.
                Err(CollectError::Source(error))
                    if error.kind == SourceErrorKind::NotFound && job.repo_id.is_none() => {}
                // One failing repository does not keep the others from being repaired.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(job_error(error)),
            None => Ok(if repaired { Handled::Repaired } else { Handled::AlreadyCovered }),
        }
    }
}

fn concerns(job: &Job, state: &RepoState) -> bool {
    match &job.repo_id {
        Some(id) => state.key.id == *id,
        None => job.repo.as_str() == Job::ALL || job.repo == state.meta.name,
    }
}

/// Collects from the first gap inside the window; returns whether there was one.
async fn repair(collector: &Collector, state: &RepoState, window: Window) -> Result<bool, CollectError> {
    let now = collector.clock.now();
    let due = Window::new(collector.due_from(Some(state), now), now);
    let Some(wanted) = due.and_then(|due| due.intersection(window)) else { return Ok(false) };
    let Some(gap) = state.coverage.gaps(wanted).into_iter().next() else { return Ok(false) };
    // Without the time of the last push the source reads the branch, which a repair needs.
    let repository =
        ListedRepository { id: state.key.id.clone(), name: state.meta.name.clone(), pushed_at: None };
    collector.collect(&repository, Some(state), gap.from(), WriteSource::WorkerBackfill).await?;
    Ok(true)
}

fn transient(error: impl Display) -> JobError {
    JobError { message: error.to_string(), permanent: false }
}

fn job_error(error: CollectError) -> JobError {
    let permanent = matches!(&error, CollectError::Source(source) if !source.kind.is_transient());
    JobError { message: error.to_string(), permanent }
}

//! The work of a backfill job: collect what of its window is not covered.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{CollectError, Collector, Cooldowns, ListedRepository, SourceErrorKind};
use crate::activity::{OrgName, RepoState, Window};
use crate::maintenance::PauseRegistry;
use crate::queue::{Handled, Job, JobError, JobHandler};
use crate::store::{RepositoriesOf, WriteSource};

/// How long a job waits for quota where GitHub does not say how long.
const QUOTA_PAUSE: Duration = Duration::from_secs(60);
/// How long a job of a paused organisation waits before it is looked at again: its pause may be ended at any time.
const MAINTENANCE_PAUSE: Duration = Duration::from_secs(60);

/// Handles the jobs of all configured organisations.
pub struct BackfillHandler {
    collectors: HashMap<OrgName, Collector>,
    cooldowns: Cooldowns,
    maintenance: PauseRegistry,
}

impl BackfillHandler {
    /// A handler for the organisations of these collectors, which leaves alone what was announced or paused there.
    pub fn new(
        collectors: impl IntoIterator<Item = Collector>,
        cooldowns: Cooldowns,
        maintenance: PauseRegistry,
    ) -> Self {
        let by_org = collectors.into_iter().map(|collector| (collector.settings().org.clone(), collector));
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
        let now = collector.settings().clock.now();
        if self.maintenance.known(&job.org).is_some() {
            return Ok(Handled::Deferred(MAINTENANCE_PAUSE));
        }
        if let Some(remaining) = self.cooldowns.remaining(&job.org, now).await {
            return Ok(Handled::Deferred(remaining));
        }
        let message = RepositoriesOf(job.org.clone());
        let states = collector.settings().store.call(message).await.map_err(transient)?.map_err(transient)?;
        let (mut repaired, mut failed) = (false, None);
        for state in states.iter().filter(|state| wants(job, state)) {
            match repair(collector, state, window).await {
                Ok(did) => repaired |= did,
                Err(CollectError::Source(error)) if error.kind == SourceErrorKind::RateLimited => {
                    return Ok(Handled::Deferred(error.retry_after.unwrap_or(QUOTA_PAUSE)));
                }
                // Of a whole organisation, what no longer exists has nothing to repair.
                Err(CollectError::Source(error))
                    if error.kind == SourceErrorKind::NotFound && job.repo_id.is_none() => {}
                // One repository in trouble keeps nobody else from being repaired.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(job_error(error)),
            None => Ok(if repaired { Handled::Repaired } else { Handled::AlreadyCovered }),
        }
    }
}

fn wants(job: &Job, state: &RepoState) -> bool {
    match &job.repo_id {
        Some(id) => state.key.id == *id,
        None => job.repo.as_str() == Job::ALL || job.repo == state.meta.name,
    }
}

/// Collects from the first gap inside the window; whether there was one.
async fn repair(collector: &Collector, state: &RepoState, window: Window) -> Result<bool, CollectError> {
    let now = collector.settings().clock.now();
    let due = Window::new(collector.due_from(Some(state), now), now);
    let Some(wanted) = due.and_then(|due| due.intersection(window)) else { return Ok(false) };
    let Some(gap) = state.coverage.gaps(wanted).into_iter().next() else { return Ok(false) };
    // Without a time of the last push the source looks at the branch itself, which is what a repair is for.
    let repository =
        ListedRepository { id: state.key.id.clone(), name: state.meta.name.clone(), pushed_at: None };
    collector.collect(&repository, Some(state), gap.from(), WriteSource::WorkerBackfill).await?;
    Ok(true)
}

fn transient(error: impl std::fmt::Display) -> JobError {
    JobError { message: error.to_string(), permanent: false }
}

fn job_error(error: CollectError) -> JobError {
    let permanent = matches!(&error, CollectError::Source(source) if !source.kind.is_transient());
    JobError { message: error.to_string(), permanent }
}

//! Jobs that were completed, so that a duplicate delivery does not repeat them.

use std::sync::Arc;
use std::time::Duration;

use crate::store::{Claim, SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::CompletedJobs;
const RUNNING: &[u8] = b"running";
const DONE: &[u8] = b"done";

/// How long the requests of operators are remembered.
const OPERATOR_RETENTION: Duration = Duration::from_secs(30 * 86_400);
/// How long a run that is not renewed excludes others.
const RUN_LEASE: Duration = Duration::from_secs(30);

/// Whether a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunDecision {
    /// It may, and no other worker may until the run ends.
    Begun,
    /// Another worker runs it now.
    Elsewhere,
    /// It was completed before.
    Done,
}

/// Remembers for 30 days which dead letters operators had reprocessed, and for the maximum age of a
/// message which jobs are completed.
#[derive(Clone)]
pub struct CompletedJobs {
    shared: Arc<dyn SharedState>,
}

impl CompletedJobs {
    /// How often a run must be renewed.
    pub const RENEWAL: Duration = Duration::from_secs(10);

    pub(super) fn new(shared: Arc<dyn SharedState>) -> Self {
        CompletedJobs { shared }
    }

    /// Asks for permission to run a job.
    pub async fn begin(&self, job_id: &str) -> Result<RunDecision, StoreError> {
        Ok(match self.shared.claim(TABLE, &run_key(job_id), RUNNING, RUN_LEASE).await? {
            Claim::Claimed => RunDecision::Begun,
            Claim::Held(state) if state == DONE => RunDecision::Done,
            Claim::Held(_) => RunDecision::Elsewhere,
        })
    }

    /// Extends a run that is still in progress.
    pub async fn renew(&self, job_id: &str) -> Result<(), StoreError> {
        self.shared.swap(TABLE, &run_key(job_id), RUNNING, RUNNING, RUN_LEASE).await.map(drop)
    }

    /// Records that a job is completed. That is remembered as long as a message of it may exist,
    /// and for 30 days when an operator requested the job.
    pub async fn finish(
        &self,
        job_id: &str,
        by_operator: bool,
        message_max_age: Duration,
    ) -> Result<(), StoreError> {
        let kept = if by_operator { OPERATOR_RETENTION } else { message_max_age.min(OPERATOR_RETENTION) };
        self.shared.put(TABLE, &run_key(job_id), DONE, kept).await
    }

    /// Ends a run that did not complete the job.
    pub async fn abandon(&self, job_id: &str) -> Result<(), StoreError> {
        self.shared.remove(TABLE, &run_key(job_id)).await.map(drop)
    }

    /// Records that an operator wants a dead letter reprocessed; returns whether that is the first
    /// time.
    pub async fn claim_reprocess(&self, dead_letter: &str) -> Result<bool, StoreError> {
        Ok(self.shared.claim(TABLE, &reprocess_key(dead_letter), b"reprocessed", OPERATOR_RETENTION).await?
            == Claim::Claimed)
    }

    /// Whether an operator had it reprocessed before.
    pub async fn is_reprocess_claimed(&self, dead_letter: &str) -> Result<bool, StoreError> {
        Ok(self.shared.get(TABLE, &reprocess_key(dead_letter)).await?.is_some())
    }

    /// Withdraws a claim whose job could not be published, so that the operator can try again.
    pub async fn release_reprocess(&self, dead_letter: &str) -> Result<(), StoreError> {
        self.shared.remove(TABLE, &reprocess_key(dead_letter)).await.map(drop)
    }
}

fn run_key(job_id: &str) -> String {
    format!("run/{job_id}")
}

fn reprocess_key(dead_letter: &str) -> String {
    format!("reprocess/{dead_letter}")
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::store::MemoryState;

    fn completed_jobs() -> CompletedJobs {
        CompletedJobs::new(Arc::new(MemoryState::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_runs_once() {
        let completed_jobs = completed_jobs();
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Begun);
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Elsewhere);
        completed_jobs.abandon("a").await.unwrap();
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Begun);
        completed_jobs.finish("a", false, Duration::from_secs(3600)).await.unwrap();
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_whose_worker_died_may_be_begun_again() {
        let completed_jobs = completed_jobs();
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Begun);
        advance(Duration::from_secs(20)).await;
        completed_jobs.renew("a").await.unwrap();
        advance(Duration::from_secs(20)).await;
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Elsewhere);
        advance(Duration::from_secs(20)).await;
        assert_eq!(completed_jobs.begin("a").await.unwrap(), RunDecision::Begun);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_operators_are_remembered_for_thirty_days() {
        let completed_jobs = completed_jobs();
        assert!(completed_jobs.claim_reprocess("a").await.unwrap());
        completed_jobs.finish("a~2", true, Duration::from_secs(60)).await.unwrap();
        advance(Duration::from_secs(29 * 86_400)).await;
        assert!(
            !completed_jobs.claim_reprocess("a").await.unwrap()
                && completed_jobs.is_reprocess_claimed("a").await.unwrap()
        );
        assert_eq!(completed_jobs.begin("a~2").await.unwrap(), RunDecision::Done);
        advance(Duration::from_secs(2 * 86_400)).await;
        assert!(completed_jobs.claim_reprocess("a").await.unwrap());
    }
}

//! What was done, so that it is not done again.

use std::sync::Arc;
use std::time::Duration;

use crate::store::{Claim, SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::Ledger;
const RUNNING: &[u8] = b"running";
const DONE: &[u8] = b"done";

/// How long what an operator asked for is remembered.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How long a run that nobody renews keeps others away.
const RUN_LEASE: Duration = Duration::from_secs(30);

/// Whether a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunDecision {
    /// It may, and nobody else may now.
    Begun,
    /// Somebody is at it.
    Elsewhere,
    /// It ran before.
    Done,
}

/// Remembers for 30 days what operators asked for, and for the life of a message which jobs are done.
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

    /// Asks to run a job.
    pub async fn begin(&self, job_id: &str) -> Result<RunDecision, StoreError> {
        Ok(match self.shared.claim(TABLE, &run(job_id), RUNNING, RUN_LEASE).await? {
            Claim::Claimed => RunDecision::Begun,
            Claim::Held(state) if state == DONE => RunDecision::Done,
            Claim::Held(_) => RunDecision::Elsewhere,
        })
    }

    /// The run goes on.
    pub async fn renew(&self, job_id: &str) -> Result<(), StoreError> {
        self.shared.swap(TABLE, &run(job_id), RUNNING, RUNNING, RUN_LEASE).await.map(drop)
    }

    /// The job is done, which is remembered as long as a message of it may be around; that of one which an operator
    /// asked for as long as anything is.
    pub async fn finish(
        &self,
        job_id: &str,
        by_operator: bool,
        message_life: Duration,
    ) -> Result<(), StoreError> {
        let kept = if by_operator { KEPT } else { message_life.min(KEPT) };
        self.shared.put(TABLE, &run(job_id), DONE, kept).await
    }

    /// The run ended without the job being done.
    pub async fn abandon(&self, job_id: &str) -> Result<(), StoreError> {
        self.shared.remove(TABLE, &run(job_id)).await.map(drop)
    }

    /// An operator asks for a dead letter to be reprocessed; whether that is the first time.
    pub async fn ask(&self, letter: &str) -> Result<bool, StoreError> {
        Ok(self.shared.claim(TABLE, &asked(letter), b"reprocessed", KEPT).await? == Claim::Claimed)
    }

    /// Whether an operator asked for it before.
    pub async fn was_asked(&self, letter: &str) -> Result<bool, StoreError> {
        Ok(self.shared.get(TABLE, &asked(letter)).await?.is_some())
    }

    /// What was asked for could not be begun: asking again may help.
    pub async fn unask(&self, letter: &str) -> Result<(), StoreError> {
        self.shared.remove(TABLE, &asked(letter)).await.map(drop)
    }
}

fn run(job_id: &str) -> String {
    format!("run/{job_id}")
}

fn asked(letter: &str) -> String {
    format!("reprocess/{letter}")
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::store::MemoryState;

    fn ledger() -> CompletedJobs {
        CompletedJobs::new(Arc::new(MemoryState::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_runs_once() {
        let ledger = ledger();
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Begun);
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Elsewhere);
        ledger.abandon("a").await.unwrap();
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Begun);
        ledger.finish("a", false, Duration::from_secs(3600)).await.unwrap();
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_whose_worker_died_may_be_begun_again() {
        let ledger = ledger();
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Begun);
        advance(Duration::from_secs(20)).await;
        ledger.renew("a").await.unwrap();
        advance(Duration::from_secs(20)).await;
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Elsewhere);
        advance(Duration::from_secs(20)).await;
        assert_eq!(ledger.begin("a").await.unwrap(), RunDecision::Begun);
    }

    #[tokio::test(start_paused = true)]
    async fn an_operator_is_remembered_for_thirty_days() {
        let ledger = ledger();
        assert!(ledger.ask("a").await.unwrap());
        ledger.finish("a~2", true, Duration::from_secs(60)).await.unwrap();
        advance(Duration::from_secs(29 * 86_400)).await;
        assert!(!ledger.ask("a").await.unwrap() && ledger.was_asked("a").await.unwrap());
        assert_eq!(ledger.begin("a~2").await.unwrap(), RunDecision::Done);
        advance(Duration::from_secs(2 * 86_400)).await;
        assert!(ledger.ask("a").await.unwrap());
    }
}

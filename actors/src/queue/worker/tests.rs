use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_supervisor::ActorRef;
use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::*;
use crate::activity::Timestamp;
use crate::clock::Clock;
use crate::observer::NoObserver;
use crate::queue::testing::{job, settings};
use crate::queue::{DeadLetterReason, Handled, Job, JobError, JobHandler, JobStores, MemoryQueue};

/// Answers from a script, then that the window is covered; records the jobs it was given.
#[derive(Default)]
struct ScriptedHandler {
    answers: Mutex<VecDeque<Result<Handled, JobError>>>,
    handled: Mutex<Vec<(String, u32)>>,
}

#[async_trait]
impl JobHandler for ScriptedHandler {
    async fn handle(&self, job: &Job) -> Result<Handled, JobError> {
        let attempt = (job.job_id.clone(), job.attempt);
        self.handled.lock().unwrap_or_else(PoisonError::into_inner).push(attempt);
        sleep(Duration::from_secs(1)).await;
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or(Ok(Handled::AlreadyCovered))
    }
}

struct WorkerFixture {
    queue: MemoryQueue,
    job_stores: JobStores,
    handler: Arc<ScriptedHandler>,
}

impl WorkerFixture {
    /// Two workers over one queue, whose handler gives these answers first.
    fn new(answers: impl IntoIterator<Item = Result<Handled, JobError>>) -> Self {
        let handler = Arc::new(ScriptedHandler {
            answers: Mutex::new(answers.into_iter().collect()),
            ..ScriptedHandler::default()
        });
        let job_stores = JobStores::in_memory(&settings());
        let fixture = WorkerFixture { queue: MemoryQueue::new(), job_stores, handler };
        for _ in 0..2 {
            let processor = JobProcessor {
                job_stores: fixture.job_stores.clone(),
                handler: fixture.handler.clone(),
                queue_actor: ActorRef::new("queue"),
                dispatch: settings(),
                clock: Clock::starting_at(Timestamp::from_unix(900_000)),
                observer: Arc::new(NoObserver),
            };
            BackfillWorker::new(Arc::new(fixture.queue.clone()), processor).start();
        }
        fixture
    }

    async fn publish(&self, job: Job) {
        self.queue.publish(job, Duration::ZERO).await.unwrap();
    }

    fn handled(&self) -> Vec<(String, u32)> {
        self.handler.handled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn settled(&self) {
        let deadline = Instant::now() + Duration::from_secs(3600);
        while !self.queue.is_empty() {
            assert!(Instant::now() < deadline, "the queue does not become empty");
            sleep(Duration::from_secs(1)).await;
        }
    }
}

fn fails(message: &str, permanent: bool) -> Result<Handled, JobError> {
    Err(JobError { message: message.into(), permanent })
}

#[actix::test]
async fn a_job_delivered_twice_runs_once() {
    tokio::time::pause();
    let fixture = WorkerFixture::new([Ok(Handled::Repaired)]);
    fixture.publish(job("a")).await;
    fixture.publish(job("a")).await;
    fixture.settled().await;
    fixture.publish(job("a")).await;
    fixture.settled().await;
    assert_eq!(fixture.handled(), [("a".to_owned(), 1)]);
}

#[actix::test]
async fn a_job_that_keeps_failing_becomes_a_dead_letter_with_its_history() {
    tokio::time::pause();
    let fixture = WorkerFixture::new([fails("one", false), fails("two", false), fails("three", false)]);
    let before = Instant::now();
    fixture.publish(job("a")).await;
    fixture.settled().await;
    assert!(before.elapsed() >= Duration::from_secs(360), "it came back after its delays");
    let dead_letter = fixture.job_stores.dead_letters.get("a").await.unwrap().unwrap();
    assert_eq!(
        (dead_letter.reason, dead_letter.error.as_str()),
        (DeadLetterReason::AttemptsExhausted, "three")
    );
    let history: Vec<(u32, &str)> =
        dead_letter.history.iter().map(|f| (f.attempt, f.error.as_str())).collect();
    assert_eq!(history, [(1, "one"), (2, "two"), (3, "three")]);
    assert_eq!(
        fixture.job_stores.jobs.all().await.unwrap(),
        [],
        "its key is free; the dead letter holds back its window"
    );
}

#[actix::test]
async fn a_deferred_job_keeps_its_attempts_and_a_permanent_failure_is_not_retried() {
    tokio::time::pause();
    let deferred = || Ok(Handled::Deferred(Duration::from_secs(60)));
    let fixture = WorkerFixture::new([deferred(), deferred(), deferred(), deferred(), fails("never", true)]);
    fixture.publish(job("a")).await;
    fixture.settled().await;
    assert_eq!(fixture.handled().iter().map(|(_, attempt)| *attempt).collect::<Vec<_>>(), [1; 5]);
    let dead_letter = fixture.job_stores.dead_letters.get("a").await.unwrap().unwrap();
    assert_eq!(dead_letter.reason, DeadLetterReason::CannotSucceed);
}

#[actix::test]
async fn a_reprocessed_job_removes_its_dead_letter_and_runs_once() {
    tokio::time::pause();
    let fixture = WorkerFixture::new([fails("never", true), Ok(Handled::Repaired)]);
    fixture.publish(job("a")).await;
    fixture.settled().await;
    let dead_letter = fixture.job_stores.dead_letters.get("a").await.unwrap().unwrap();
    let again = dead_letter.job.unwrap().reprocessed(Timestamp::from_unix(900_100));
    fixture.publish(again.clone()).await;
    fixture.publish(again).await;
    fixture.settled().await;
    assert_eq!(fixture.handled(), [("a".to_owned(), 1), ("a~2".to_owned(), 1)]);
    assert_eq!(fixture.job_stores.dead_letters.all().await.unwrap(), []);
}

#[actix::test]
async fn an_invalid_job_becomes_a_dead_letter_without_being_handled() {
    tokio::time::pause();
    let fixture = WorkerFixture::new([]);
    fixture.publish(Job { window_end: Timestamp::from_unix(0), ..job("invalid") }).await;
    fixture.settled().await;
    assert_eq!(fixture.handled(), []);
    let dead_letter = fixture.job_stores.dead_letters.get("invalid").await.unwrap().unwrap();
    assert_eq!(dead_letter.reason, DeadLetterReason::Malformed);
}

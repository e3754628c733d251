use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep};

use super::*;
use crate::activity::Timestamp;
use crate::event::NoObserver;
use crate::queue::testing::{job, settings};
use crate::queue::{DeadLetterReason, MemoryQueue};
use actix_supervisor::ActorRef;

/// Answers as told, then that the window is covered; remembers whom it was asked for.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Result<Handled, JobError>>>,
    asked: Mutex<Vec<(String, u32)>>,
}

#[async_trait]
impl JobHandler for Scripted {
    async fn handle(&self, job: &Job) -> Result<Handled, JobError> {
        let asked = (job.job_id.clone(), job.attempt);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        sleep(Duration::from_secs(1)).await;
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or(Ok(Handled::AlreadyCovered))
    }
}

struct Stage {
    queue: MemoryQueue,
    books: JobStores,
    handler: Arc<Scripted>,
}

impl Stage {
    /// Two workers over one queue, whose handler answers this first.
    fn new(answers: impl IntoIterator<Item = Result<Handled, JobError>>) -> Self {
        let handler =
            Arc::new(Scripted { answers: Mutex::new(answers.into_iter().collect()), ..Scripted::default() });
        let stage = Stage { queue: MemoryQueue::new(), books: JobStores::in_memory(&settings()), handler };
        for _ in 0..2 {
            let settings = WorkerSettings {
                queue: Arc::new(stage.queue.clone()),
                books: stage.books.clone(),
                handler: stage.handler.clone(),
                queue_actor: ActorRef::new("queue"),
                dispatch: settings(),
                clock: Clock::starting_at(Timestamp::from_unix(900_000)),
                observer: Arc::new(NoObserver),
            };
            BackfillWorker::new(settings).start();
        }
        stage
    }

    async fn publish(&self, job: Job) {
        self.queue.publish(job, Duration::ZERO).await.unwrap();
    }

    fn asked(&self) -> Vec<(String, u32)> {
        self.handler.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    let stage = Stage::new([Ok(Handled::Repaired)]);
    stage.publish(job("a")).await;
    stage.publish(job("a")).await;
    stage.settled().await;
    stage.publish(job("a")).await;
    stage.settled().await;
    assert_eq!(stage.asked(), [("a".to_owned(), 1)]);
}

#[actix::test]
async fn a_job_that_keeps_failing_becomes_a_letter_with_its_history() {
    tokio::time::pause();
    let stage = Stage::new([fails("one", false), fails("two", false), fails("three", false)]);
    let before = Instant::now();
    stage.publish(job("a")).await;
    stage.settled().await;
    assert!(before.elapsed() >= Duration::from_secs(360), "it came back after its delays");
    let letter = stage.books.letters.get("a").await.unwrap().unwrap();
    assert_eq!((letter.reason, letter.error.as_str()), (DeadLetterReason::AttemptsExhausted, "three"));
    let history: Vec<(u32, &str)> = letter.history.iter().map(|f| (f.attempt, f.error.as_str())).collect();
    assert_eq!(history, [(1, "one"), (2, "two"), (3, "three")]);
    assert_eq!(stage.books.jobs.all().await.unwrap(), [], "its key is free; the letter parks its window");
}

#[actix::test]
async fn a_deferred_job_keeps_its_attempts_and_a_hopeless_one_has_none() {
    tokio::time::pause();
    let deferred = || Ok(Handled::Deferred(Duration::from_secs(60)));
    let stage = Stage::new([deferred(), deferred(), deferred(), deferred(), fails("never", true)]);
    stage.publish(job("a")).await;
    stage.settled().await;
    assert_eq!(stage.asked().iter().map(|(_, attempt)| *attempt).collect::<Vec<_>>(), [1; 5]);
    let letter = stage.books.letters.get("a").await.unwrap().unwrap();
    assert_eq!(letter.reason, DeadLetterReason::CannotSucceed);
}

#[actix::test]
async fn a_reprocessed_job_unparks_its_window_and_runs_once() {
    tokio::time::pause();
    let stage = Stage::new([fails("never", true), Ok(Handled::Repaired)]);
    stage.publish(job("a")).await;
    stage.settled().await;
    let letter = stage.books.letters.get("a").await.unwrap().unwrap();
    let again = letter.job.unwrap().reprocessed(Timestamp::from_unix(900_100));
    stage.publish(again.clone()).await;
    stage.publish(again).await;
    stage.settled().await;
    assert_eq!(stage.asked(), [("a".to_owned(), 1), ("a~2".to_owned(), 1)]);
    assert_eq!(stage.books.letters.all().await.unwrap(), []);
}

#[actix::test]
async fn what_makes_no_sense_is_buried_without_being_asked_for() {
    tokio::time::pause();
    let stage = Stage::new([]);
    stage.publish(Job { window_end: Timestamp::from_unix(0), ..job("absurd") }).await;
    stage.settled().await;
    assert_eq!(stage.asked(), []);
    let letter = stage.books.letters.get("absurd").await.unwrap().unwrap();
    assert_eq!(letter.reason, DeadLetterReason::Malformed);
}

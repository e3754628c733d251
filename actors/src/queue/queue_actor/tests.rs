use actix::Actor;

use super::*;
use crate::activity::Window;
use crate::event::NoObserver;
use crate::queue::testing::settings as dispatch;
use crate::queue::{DeadLetterReason, JobReason, MemoryQueue};

const NOW: Timestamp = Timestamp::from_unix(1_000_000);

struct Stage {
    books: JobStores,
    queue: MemoryQueue,
    clock: Arc<Clock>,
    state: Observable<QueueState>,
}

impl Stage {
    fn new() -> Self {
        let books = JobStores::in_memory(&dispatch());
        Stage {
            books,
            queue: MemoryQueue::new(),
            clock: Clock::starting_at(NOW),
            state: Observable::default(),
        }
    }

    /// One of several replicas over the same books and queue.
    fn replica(&self) -> Addr<QueueActor> {
        let settings = QueueSettings {
            queue: Arc::new(self.queue.clone()),
            books: self.books.clone(),
            dispatch: dispatch(),
            clock: self.clock.clone(),
            state: self.state.clone(),
            observer: Arc::new(NoObserver),
        };
        QueueActor::new(settings).start()
    }
}

fn wanted(repo: &str, from: i64, to: i64) -> WindowRequest {
    let window = Window::new(NOW - from, NOW - to).unwrap();
    WindowRequest {
        org: "acme".into(),
        repo: Some((repo.into(), repo.into())),
        window,
        reason: JobReason::Gap,
    }
}

async fn enqueue(actor: &Addr<QueueActor>, wanted: &[WindowRequest]) -> Enqueued {
    actor.send(Enqueue(wanted.to_vec())).await.unwrap()
}

#[actix::test]
async fn replicas_keep_each_other_from_enqueueing_twice() {
    tokio::time::pause();
    let stage = Stage::new();
    let (a, b) = (stage.replica(), stage.replica());
    let same = [wanted("R_1", 5_000, 4_900)];
    assert_eq!(enqueue(&a, &same).await, Enqueued { published: 1, ..Enqueued::default() });
    assert_eq!(enqueue(&b, &same).await, Enqueued { duplicates: 1, ..Enqueued::default() });
    assert_eq!(stage.queue.len(), 1);
    let (lost, _) = stage.queue.take().unwrap();
    tokio::time::advance(Duration::from_secs(2 * 900 - 5)).await;
    assert_eq!(enqueue(&b, &same).await.duplicates, 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(enqueue(&b, &same).await.published, 1, "the purged job is enqueued again");
    assert_ne!(stage.queue.take().unwrap().0.job_id, lost.job_id);
}

#[actix::test]
async fn a_window_with_a_dead_letter_is_left_alone_until_it_is_taken_out() {
    tokio::time::pause();
    let stage = Stage::new();
    let actor = stage.replica();
    let gap = [wanted("R_1", 5_000, 4_900)];
    assert_eq!(enqueue(&actor, &gap).await.published, 1);
    let (job, _) = stage.queue.take().unwrap();
    let letter = DeadLetter::of_job(&job, DeadLetterReason::CannotSucceed, "no", NOW);
    stage.books.letters.add(&letter).await.unwrap();
    stage.books.jobs.end(&job).await.unwrap();
    assert_eq!(enqueue(&actor, &gap).await, Enqueued { parked: 1, ..Enqueued::default() });
    tokio::time::sleep(Duration::from_secs(20)).await;
    let shown = stage.state.get();
    assert_eq!((shown.stats.depth, shown.stats.dead), (0, 1));
    stage.books.letters.remove(&letter.id).await.unwrap();
    assert_eq!(enqueue(&actor, &gap).await.published, 1);
}

#[actix::test]
async fn a_queue_that_refuses_leaves_the_key_free() {
    tokio::time::pause();
    let stage = Stage::new();
    let settings = QueueSettings {
        queue: Arc::new(Refusing),
        books: stage.books.clone(),
        dispatch: dispatch(),
        clock: stage.clock.clone(),
        state: stage.state.clone(),
        observer: Arc::new(NoObserver),
    };
    let refused = QueueActor::new(settings).start();
    let gap = [wanted("R_1", 5_000, 4_900)];
    assert_eq!(enqueue(&refused, &gap).await, Enqueued { capped: 1, ..Enqueued::default() });
    assert_eq!(enqueue(&stage.replica(), &gap).await.published, 1);
}

/// Takes nothing.
struct Refusing;

#[async_trait::async_trait]
impl JobQueue for Refusing {
    async fn publish(&self, _: Job, _: Duration) -> Result<(), crate::queue::QueueError> {
        Err(crate::queue::QueueError::Full)
    }

    async fn receive(&self) -> Result<Box<dyn crate::queue::Delivery>, crate::queue::QueueError> {
        std::future::pending().await
    }

    async fn forget(&self, _: &str) -> Result<(), crate::queue::QueueError> {
        Ok(())
    }

    fn status(&self) -> QueueStatus {
        QueueStatus::default()
    }
}

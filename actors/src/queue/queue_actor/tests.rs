use actix::Actor;

use super::*;
use crate::activity::{Timestamp, Window};
use crate::clock::Clock;
use crate::observer::NoObserver;
use crate::queue::testing::settings as dispatch;
use crate::queue::{DeadLetter, DeadLetterReason, JobQueue, JobReason, JobStores, MemoryQueue};

const NOW: Timestamp = Timestamp::from_unix(1_000_000);

struct QueueFixture {
    job_stores: JobStores,
    queue: MemoryQueue,
    clock: Arc<Clock>,
    state: Observable<QueueState>,
}

impl QueueFixture {
    fn new() -> Self {
        let job_stores = JobStores::in_memory(&dispatch());
        QueueFixture {
            job_stores,
            queue: MemoryQueue::new(),
            clock: Clock::starting_at(NOW),
            state: Observable::default(),
        }
    }

    /// The queue actor of one of several replicas over the same stores and queue.
    fn replica(&self) -> Addr<QueueActor> {
        self.replica_over(Arc::new(self.queue.clone()))
    }

    fn replica_over(&self, queue: Arc<dyn JobQueue>) -> Addr<QueueActor> {
        let enqueuer = Enqueuer {
            queue,
            job_stores: self.job_stores.clone(),
            dispatch: dispatch(),
            clock: self.clock.clone(),
            observer: Arc::new(NoObserver),
        };
        QueueActor::new(enqueuer, self.state.clone()).start()
    }
}

fn request(repo: &str, from: i64, to: i64) -> WindowRequest {
    let window = Window::new(NOW - from, NOW - to).unwrap();
    WindowRequest {
        org: "acme".into(),
        repo: Some((repo.into(), repo.into())),
        window,
        reason: JobReason::Gap,
    }
}

async fn enqueue(actor: &Addr<QueueActor>, requests: &[WindowRequest]) -> Enqueued {
    actor.send(Enqueue(requests.to_vec())).await.unwrap()
}

#[actix::test]
async fn a_window_is_enqueued_by_one_of_several_replicas() {
    tokio::time::pause();
    let fixture = QueueFixture::new();
    let (a, b) = (fixture.replica(), fixture.replica());
    let same = [request("R_1", 5_000, 4_900)];
    assert_eq!(enqueue(&a, &same).await, Enqueued { published: 1, ..Enqueued::default() });
    assert_eq!(enqueue(&b, &same).await, Enqueued { duplicates: 1, ..Enqueued::default() });
    assert_eq!(fixture.queue.len(), 1);
    let (lost, _) = fixture.queue.take().unwrap();
    tokio::time::advance(Duration::from_secs(2 * 900 - 5)).await;
    assert_eq!(enqueue(&b, &same).await.duplicates, 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(enqueue(&b, &same).await.published, 1, "the lost job is enqueued again");
    assert_ne!(fixture.queue.take().unwrap().0.job_id, lost.job_id);
}

#[actix::test]
async fn a_window_with_a_dead_letter_is_not_enqueued_until_that_is_removed() {
    tokio::time::pause();
    let fixture = QueueFixture::new();
    let actor = fixture.replica();
    let gap = [request("R_1", 5_000, 4_900)];
    assert_eq!(enqueue(&actor, &gap).await.published, 1);
    let (job, _) = fixture.queue.take().unwrap();
    let dead_letter = DeadLetter::of_job(&job, DeadLetterReason::CannotSucceed, "no", NOW);
    fixture.job_stores.dead_letters.add(&dead_letter).await.unwrap();
    fixture.job_stores.jobs.end(&job).await.unwrap();
    assert_eq!(enqueue(&actor, &gap).await, Enqueued { held_back: 1, ..Enqueued::default() });
    tokio::time::sleep(Duration::from_secs(20)).await;
    let state = fixture.state.get();
    assert_eq!((state.stats.depth, state.stats.dead), (0, 1));
    fixture.job_stores.dead_letters.remove(&dead_letter.id).await.unwrap();
    assert_eq!(enqueue(&actor, &gap).await.published, 1);
}

#[actix::test]
async fn a_queue_that_refuses_a_job_leaves_its_key_free() {
    tokio::time::pause();
    let fixture = QueueFixture::new();
    let refused = fixture.replica_over(Arc::new(FullQueue));
    let gap = [request("R_1", 5_000, 4_900)];
    assert_eq!(enqueue(&refused, &gap).await, Enqueued { capped: 1, ..Enqueued::default() });
    assert_eq!(enqueue(&fixture.replica(), &gap).await.published, 1);
}

/// Accepts no job.
struct FullQueue;

#[async_trait::async_trait]
impl JobQueue for FullQueue {
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

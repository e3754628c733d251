//! The contract of [`JobQueue`] as tests, run against every implementation.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Delivery, Job, JobQueue, JobReason, QueueMessage, Settlement, TraceContext};
use crate::activity::Timestamp;

/// Makes a `#[tokio::test]` of every test of the contract in a module `$module`; `$open` is an
/// async function that returns a fresh and empty [`QueueUnderTest`]. With `ignore = "reason"`, a plain
/// `cargo test` ignores the tests and shows the reason.
#[macro_export]
macro_rules! job_queue_contract {
    ($module:ident, $open:path $(, ignore = $reason:literal)?) => {
        mod $module {
            $crate::job_queue_contract!(@tests [$(#[ignore = $reason])?] $open;
                a_job_arrives_as_it_was_published
                jobs_are_delivered_in_order
                a_delayed_job_is_delivered_when_it_is_due
                a_requeued_job_is_delivered_again_after_its_delay
                an_unsettled_delivery_is_delivered_again
                a_waiting_receiver_wakes_for_a_new_job
                a_completed_or_dead_lettered_job_does_not_come_back
                every_job_is_delivered_to_some_receiver
                a_dropped_receiver_loses_nothing
            );
        }
    };
    (@tests $attributes:tt $open:path; $($name:ident)*) => {
        $($crate::job_queue_contract!(@test $attributes $open; $name);)*
    };
    (@test [$($attribute:tt)*] $open:path; $name:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $name() {
            $crate::queue::contract::$name($open().await).await;
        }
    };
}

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it waits for what must not happen.
const GRACE: Duration = Duration::from_millis(300);

/// A queue, and what has to live as long as the test.
pub struct QueueUnderTest {
    queue: Arc<dyn JobQueue>,
    _keep_alive: Option<Box<dyn std::any::Any + Send>>,
    delay: Duration,
}

impl QueueUnderTest {
    /// A queue that needs nothing else.
    pub fn new(queue: Arc<dyn JobQueue>) -> Self {
        QueueUnderTest { queue, _keep_alive: None, delay: Duration::from_millis(500) }
    }

    /// A queue that needs `keep_alive`, and whose shortest delay is `delay`.
    pub fn with(
        queue: Arc<dyn JobQueue>,
        keep_alive: Box<dyn std::any::Any + Send>,
        delay: Duration,
    ) -> Self {
        QueueUnderTest { queue, _keep_alive: Some(keep_alive), delay }
    }

    async fn publish(&self, job: Job) {
        self.queue.publish(job, Duration::ZERO).await.expect("published");
    }

    async fn receive(&self) -> Box<dyn Delivery> {
        let received = timeout(PATIENCE, self.queue.receive()).await;
        received.expect("no message was delivered").expect("a delivery")
    }

    async fn receive_job(&self) -> (Job, Box<dyn Delivery>) {
        let delivery = self.receive().await;
        (job_of(&*delivery), delivery)
    }

    async fn assert_empty(&self) {
        let received = timeout(GRACE, self.queue.receive()).await;
        assert!(received.is_err(), "a message was delivered");
    }
}

fn job_of(delivery: &dyn Delivery) -> Job {
    match delivery.message() {
        QueueMessage::Job(job) => (**job).clone(),
        other => panic!("not a job: {other:?}"),
    }
}

async fn done(delivery: Box<dyn Delivery>) {
    delivery.settle(Settlement::Done).await.expect("settled");
}

fn job(number: u32) -> Job {
    Job {
        job_id: format!("job-{number}"),
        dedup_key: format!("key \u{1F980} {number}"),
        org: "acme".into(),
        repo: "api".into(),
        repo_id: Some("R_1".into()),
        window_start: Timestamp::from_unix(0),
        window_end: Timestamp::from_unix(900),
        reason: JobReason::ScrapeError,
        attempt: 2,
        max_attempts: 5,
        created_at: Timestamp::from_unix(i64::from(number)),
        history: vec![super::JobFailure::new(1, Timestamp::from_unix(3), "it \"failed\"\n\u{1F980}")],
        reprocesses: Some("letter".into()),
        trace: Some(Box::new(TraceContext {
            parent: format!("00-0af7651916cd43dd8448eb211c80319c-{:016x}-01", u64::from(number) + 1),
            state: "vendor=value".into(),
        })),
    }
}

/// Every field survives, whatever text it contains.
pub async fn a_job_arrives_as_it_was_published(queue: QueueUnderTest) {
    queue.publish(job(1)).await;
    let (received, delivery) = queue.receive_job().await;
    assert_eq!(received, job(1));
    done(delivery).await;
    queue.assert_empty().await;
}

/// What was published first is delivered first.
pub async fn jobs_are_delivered_in_order(queue: QueueUnderTest) {
    for number in 0..20 {
        queue.publish(job(number)).await;
    }
    for number in 0..20 {
        let (received, delivery) = queue.receive_job().await;
        assert_eq!(received, job(number));
        done(delivery).await;
    }
}

/// It is not delivered before, and other jobs are delivered meanwhile.
pub async fn a_delayed_job_is_delivered_when_it_is_due(queue: QueueUnderTest) {
    let before = Instant::now();
    queue.queue.publish(job(1), queue.delay).await.expect("published");
    queue.publish(job(2)).await;
    let (first, delivery) = queue.receive_job().await;
    assert_eq!(first, job(2));
    done(delivery).await;
    let (second, delivery) = queue.receive_job().await;
    assert!(before.elapsed() >= queue.delay, "it came after {:?}", before.elapsed());
    assert_eq!(second, job(1));
    done(delivery).await;
}

/// With the changes that its settlement made.
pub async fn a_requeued_job_is_delivered_again_after_its_delay(queue: QueueUnderTest) {
    queue.publish(job(1)).await;
    let (_, delivery) = queue.receive_job().await;
    let before = Instant::now();
    let again = Job { attempt: 3, ..job(1) };
    delivery.settle(Settlement::Again { job: again.clone(), delay: queue.delay }).await.expect("settled");
    let (received, delivery) = queue.receive_job().await;
    assert!(before.elapsed() >= queue.delay, "it came after {:?}", before.elapsed());
    assert_eq!(received, again);
    done(delivery).await;
    queue.assert_empty().await;
}

/// A worker that dies drops its delivery unsettled.
pub async fn an_unsettled_delivery_is_delivered_again(queue: QueueUnderTest) {
    queue.publish(job(1)).await;
    drop(queue.receive().await);
    let (received, delivery) = queue.receive_job().await;
    assert_eq!(received, job(1));
    done(delivery).await;
    queue.assert_empty().await;
}

/// A receiver that waits gets a job that is published later.
pub async fn a_waiting_receiver_wakes_for_a_new_job(queue: QueueUnderTest) {
    let ((received, delivery), ()) = tokio::join!(queue.receive_job(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        queue.publish(job(1)).await;
    });
    assert_eq!(received, job(1));
    done(delivery).await;
}

/// A settled delivery is not repeated.
pub async fn a_completed_or_dead_lettered_job_does_not_come_back(queue: QueueUnderTest) {
    queue.publish(job(1)).await;
    done(queue.receive().await).await;
    queue.publish(job(2)).await;
    let (dead, delivery) = queue.receive_job().await;
    let dead_letter = super::DeadLetter::of_job(
        &dead,
        super::DeadLetterReason::Expired,
        "too old",
        Timestamp::from_unix(9),
    );
    delivery.settle(Settlement::Dead(Box::new(dead_letter))).await.expect("settled");
    queue.assert_empty().await;
    queue.queue.forget("job-2").await.expect("forgotten");
    queue.queue.forget("unknown").await.expect("nothing to forget");
}

/// Several receive concurrently; nothing is lost.
pub async fn every_job_is_delivered_to_some_receiver(queue: QueueUnderTest) {
    for number in 0..60 {
        queue.publish(job(number)).await;
    }
    let receiver = || async {
        let mut seen = Vec::new();
        while let Ok(delivery) = timeout(GRACE, queue.queue.receive()).await {
            let delivery = delivery.expect("a delivery");
            seen.push(job_of(&*delivery).job_id);
            done(delivery).await;
        }
        seen
    };
    let (a, b, c) = tokio::join!(receiver(), receiver(), receiver());
    let all: Vec<String> = [a, b, c].concat();
    assert_eq!((all.len(), all.into_iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

/// The future of a receiver may be dropped at any moment.
pub async fn a_dropped_receiver_loses_nothing(queue: QueueUnderTest) {
    for _ in 0..5 {
        let _ = timeout(Duration::from_millis(1), queue.queue.receive()).await;
    }
    queue.publish(job(1)).await;
    let (received, delivery) = queue.receive_job().await;
    assert_eq!(received, job(1));
    done(delivery).await;
}

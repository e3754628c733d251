//! A queue on the shared broker with unique names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use github_stats::config::{Secret, SecretSource};
use github_stats::queue::amqp::{AmqpQueue, Broker, Topology};
use github_stats_actors::observer::NoObserver;
use github_stats_actors::queue::{Job, testing};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

static NAMES: AtomicU32 = AtomicU32::new(0);

/// The shortest delay of these queues.
pub const DELAY: Duration = Duration::from_millis(500);
/// Upper bound for what must happen.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Names that no other test uses.
pub fn topology() -> Topology {
    let name = name();
    let delays = [DELAY, Duration::from_secs(3)];
    Topology::new(&name, &format!("{name}.jobs"), &format!("{name}.dlq"), &delays)
}

/// A name that no other test uses.
pub fn name() -> String {
    format!("test{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// A broker at this URL.
pub fn broker(url: &str) -> Broker {
    Broker::new(SecretSource::Inline(Secret::new(url)), "test")
}

/// Tasks that are aborted on drop.
pub struct Tasks(pub Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// A queue whose connections are kept open.
pub fn open(url: &str, topology: &Topology, prefetch: u16) -> (Arc<AmqpQueue>, Tasks) {
    let queue = Arc::new(AmqpQueue::new(broker(url), topology.clone(), prefetch, Arc::new(NoObserver)));
    let (publisher, consumer) = (queue.clone(), queue.clone());
    let tasks = vec![
        tokio::spawn(async move { publisher.run_publisher().await }),
        tokio::spawn(async move { consumer.run_consumer().await }),
    ];
    (queue, Tasks(tasks))
}

/// The same, once it is connected.
pub async fn connected(url: &str, topology: &Topology, prefetch: u16) -> (Arc<AmqpQueue>, Tasks) {
    let (queue, tasks) = open(url, topology, prefetch);
    wait_until("it connects", || queue.broker_status().connected).await;
    (queue, tasks)
}

/// Waits until a condition holds.
pub async fn wait_until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !so() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A job of this number.
pub fn job(number: u32) -> Job {
    Job { dedup_key: format!("key-{number}"), ..testing::job(&format!("job-{number}")) }
}

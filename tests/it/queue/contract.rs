//! The contract of the port, on the broker and on the fallback queue with and without a broker.

use std::sync::Arc;

use github_stats::queue::{FallbackQueue, Outbox};
use github_stats_actors::queue::contract::QueueUnderTest;
use tempfile::TempDir;

use super::fixture::{DELAY, Tasks, connected, topology};
use crate::support::Rabbit;

async fn on_the_broker() -> QueueUnderTest {
    let rabbit = Rabbit::shared().await;
    let (queue, tasks) = connected(&rabbit.url(), &topology(), 6).await;
    QueueUnderTest::with(queue, Box::new((rabbit, tasks)), DELAY)
}

async fn with_a_broker() -> QueueUnderTest {
    let rabbit = Rabbit::shared().await;
    let (amqp, tasks) = connected(&rabbit.url(), &topology(), 6).await;
    let folder = TempDir::new().expect("a folder");
    let queue = FallbackQueue::new(amqp, Some(Outbox::open(folder.path()).expect("an outbox")));
    QueueUnderTest::with(Arc::new(queue), Box::new((rabbit, tasks, folder)), DELAY)
}

async fn without_a_broker() -> QueueUnderTest {
    let folder = TempDir::new().expect("a folder");
    let (amqp, tasks): (_, Tasks) = super::fixture::open("amqp://127.0.0.1:1", &topology(), 6);
    let queue = FallbackQueue::new(amqp, Some(Outbox::open(folder.path()).expect("an outbox")));
    QueueUnderTest::with(Arc::new(queue), Box::new((tasks, folder)), DELAY)
}

github_stats_actors::job_queue_contract!(
    rabbitmq,
    super::on_the_broker,
    ignore = "needs rabbitmq-server; tests/run runs it"
);
github_stats_actors::job_queue_contract!(
    fallback_connected,
    super::with_a_broker,
    ignore = "needs rabbitmq-server; tests/run runs it"
);
github_stats_actors::job_queue_contract!(fallback_alone, super::without_a_broker);

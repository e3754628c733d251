//! Jobs that wait in a replica while the broker is unavailable.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use github_stats::queue::{FallbackQueue, Outbox};
use github_stats_actors::queue::{Delivery, JobQueue, QueueMessage, Settlement};
use tempfile::TempDir;
use tokio::time::timeout;

use super::fixture::{Tasks, connected, job, open, topology, wait_until};
use crate::support::Rabbit;

/// The URL of a broker that does not exist.
const NOWHERE: &str = "amqp://127.0.0.1:1";

fn relay(queue: &FallbackQueue) -> Tasks {
    let queue = queue.clone();
    Tasks(vec![tokio::spawn(async move { queue.run_relay().await })])
}

fn id(delivery: &dyn Delivery) -> String {
    match delivery.message() {
        QueueMessage::Job(job) => job.job_id.clone(),
        other => panic!("no job: {other:?}"),
    }
}

async fn receive(queue: &impl JobQueue) -> Box<dyn Delivery> {
    timeout(Duration::from_secs(30), queue.receive()).await.expect("in time").expect("a delivery")
}

#[tokio::test]
async fn local_workers_drain_the_outbox_and_its_file() {
    let folder = TempDir::new().expect("a folder");
    let (amqp, _tasks) = open(NOWHERE, &topology(), 6);
    let queue = FallbackQueue::new(amqp, Some(Outbox::open(folder.path()).expect("an outbox")));
    for number in 0..5 {
        queue.publish(job(number), Duration::ZERO).await.expect("kept");
    }
    let status = queue.status();
    assert_eq!((status.outbox, status.broker.map(|broker| broker.connected)), (5, Some(false)));
    for _ in 0..5 {
        receive(&queue).await.settle(Settlement::Done).await.expect("settled");
    }
    assert_eq!(queue.status().outbox, 0);
}

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn unsent_jobs_are_sent_to_the_broker_after_a_restart() {
    let rabbit = Rabbit::shared().await;
    let (folder, topology) = (TempDir::new().expect("a folder"), topology());
    {
        let (amqp, _tasks) = open(NOWHERE, &topology, 6);
        let queue = FallbackQueue::new(amqp, Some(Outbox::open(folder.path()).expect("an outbox")));
        for number in 0..5 {
            queue.publish(job(number), Duration::ZERO).await.expect("kept");
        }
        let working = receive(&queue).await;
        let again = Settlement::Again { job: job(0), delay: Duration::from_secs(1) };
        working.settle(again).await.expect("settled");
        drop(receive(&queue).await);
    }
    let (amqp, _tasks) = connected(&rabbit.url(), &topology, 6).await;
    let queue = FallbackQueue::new(amqp.clone(), Some(Outbox::open(folder.path()).expect("an outbox")));
    assert_eq!(queue.status().outbox, 5);
    let _relay = relay(&queue);
    wait_until("all is sent", || queue.status().outbox == 0).await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let delivery = receive(&*amqp).await;
        seen.insert(id(&*delivery));
        delivery.settle(Settlement::Done).await.expect("settled");
    }
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn jobs_beyond_the_memory_limit_wait_on_disk_and_are_processed() {
    let folder = TempDir::new().expect("a folder");
    let (amqp, _tasks) = open(NOWHERE, &topology(), 6);
    let outbox = Outbox::open(folder.path()).expect("an outbox");
    let queue = FallbackQueue::with_memory(amqp, Some(outbox), 10);
    let _relay = relay(&queue);
    for number in 0..40 {
        queue.publish(job(number), Duration::ZERO).await.expect("kept");
    }
    assert_eq!(queue.status().outbox, 40);
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        let delivery = receive(&queue).await;
        seen.insert(id(&*delivery));
        delivery.settle(Settlement::Done).await.expect("settled");
    }
    assert_eq!((seen.len(), queue.status().outbox), (40, 0));
}

/// Jobs are published and processed while others are loaded from disk: none is processed twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_on_disk_is_loaded_only_while_it_is_not_in_memory() {
    const JOBS: u32 = 300;
    let folder = TempDir::new().expect("a folder");
    let (amqp, _tasks) = open(NOWHERE, &topology(), 6);
    let outbox = Outbox::open(folder.path()).expect("an outbox");
    let queue = FallbackQueue::with_memory(amqp, Some(outbox), 6);
    // More aggressive than one relay, which polls twice a second.
    let _relays: Vec<Tasks> = (0..4).map(|_| relay(&queue)).collect();
    let publisher = queue.clone();
    let publishing = tokio::spawn(async move {
        for number in 0..JOBS {
            publisher.publish(job(number), Duration::ZERO).await.expect("kept");
        }
    });
    let mut seen = BTreeSet::new();
    while seen.len() < JOBS as usize {
        let delivery = receive(&queue).await;
        assert!(seen.insert(id(&*delivery)), "{} was processed before", id(&*delivery));
        delivery.settle(Settlement::Done).await.expect("settled");
    }
    publishing.await.expect("no panic");
    assert_eq!(queue.status().outbox, 0);
}

#[tokio::test]
async fn without_a_disk_memory_is_bounded_and_publishing_fails() {
    let (amqp, _tasks) = open(NOWHERE, &topology(), 6);
    let queue = FallbackQueue::with_memory(amqp, None, 10);
    for number in 0..10 {
        queue.publish(job(number), Duration::ZERO).await.expect("kept");
    }
    assert!(queue.publish(job(10), Duration::ZERO).await.is_err());
    receive(&queue).await.settle(Settlement::Done).await.expect("settled");
    queue.publish(job(10), Duration::ZERO).await.expect("there is capacity again");
}

#[tokio::test]
async fn an_outbox_in_use_cannot_be_opened_again() {
    let folder = TempDir::new().expect("a folder");
    let first = Outbox::open(folder.path()).expect("an outbox");
    let error = Outbox::open(folder.path()).err().expect("it is in use");
    assert!(error.to_string().contains("outbox.redb"), "{error}");
    let first = Arc::new(first);
    assert!(first.is_empty());
}

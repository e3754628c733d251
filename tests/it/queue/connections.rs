//! Broker connections: refusals, conflicting queues, virtual hosts, poison messages, and lost
//! connections.

use std::time::Duration;

use github_stats::queue::amqp::Topology;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{DeadLetter, JobQueue, QueueMessage, Settlement};
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::time::{Instant, timeout};

use super::fixture::{broker, connected, job, name, open, topology, wait_until};
use crate::support::{Proxy, Rabbit};

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn a_queue_with_conflicting_arguments_is_reported_with_the_argument_and_a_remedy() {
    let rabbit = Rabbit::shared().await;
    let topology = topology();
    let connection = rabbit.connect().await;
    let channel = connection.create_channel().await.expect("a channel");
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(7));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(topology.jobs.as_str().into(), durable, arguments).await.expect("declared");
    let (queue, _tasks) = open(&rabbit.url(), &topology, 6);
    wait_until("it is reported", || queue.broker_status().detail.contains("other arguments")).await;
    let detail = queue.broker_status().detail;
    for part in [topology.jobs.as_str(), "x-max-length", "delete queue", "section amqp"] {
        assert!(detail.contains(part), "{part} is missing: {detail}");
    }
    assert!(queue.publish(job(1), Duration::ZERO).await.is_err());
}

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn a_refused_connection_reports_what_to_check_and_never_the_password() {
    let rabbit = Rabbit::shared().await;
    let port = rabbit.port();
    for (url, part) in [
        (format!("amqp://guest:wr0ng@127.0.0.1:{port}/%2f"), "password in amqp.url"),
        (format!("amqp://guest:guest@127.0.0.1:{port}/absent"), "virtual host"),
        ("amqp://guest:wr0ng@127.0.0.1:1/%2f".to_owned(), "127.0.0.1:1/"),
    ] {
        let error = broker(&url).connect("test").await.expect_err("refused");
        let printed = format!("{error} {error:?}");
        assert!(printed.contains(part) && !printed.contains("wr0ng"), "{printed}");
    }
}

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn the_configured_virtual_host_is_used() {
    let rabbit = Rabbit::shared().await;
    let vhost = name();
    rabbit.control(&["add_vhost", &vhost]).await;
    rabbit.control(&["set_permissions", "-p", &vhost, "guest", ".*", ".*", ".*"]).await;
    let url = format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", rabbit.port());
    let topology =
        Topology::new("gh.backfill", "gh.backfill.jobs", "gh.backfill.dlq", &[Duration::from_secs(60)]);
    let (queue, _tasks) = connected(&url, &topology, 6).await;
    queue.publish(job(1), Duration::ZERO).await.expect("published");
    let delivery = queue.receive().await.expect("a delivery");
    assert!(matches!(delivery.message(), QueueMessage::Job(found) if **found == job(1)));
    delivery.settle(Settlement::Done).await.expect("settled");
    let queues = rabbit.control(&["list_queues", "-p", &vhost, "name", "durable", "messages"]).await;
    for name in ["gh.backfill.jobs", "gh.backfill.dlq", "gh.backfill.retry.1m"] {
        assert!(queues.contains(&format!("{name}\ttrue\t0")), "{queues}");
    }
}

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn poison_is_delivered_as_such_and_can_be_dead_lettered() {
    let rabbit = Rabbit::shared().await;
    let topology = topology();
    let (queue, _tasks) = connected(&rabbit.url(), &topology, 6).await;
    let channel = rabbit.connect().await.create_channel().await.expect("a channel");
    let mut large = vec![b' '; 10 << 20];
    large[0] = b'{';
    for body in [b"{{{".as_slice(), b"", &[0xff; 40], b"[1, 2]", &large] {
        let key = topology.jobs.as_str().into();
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish(
            topology.exchange.as_str().into(),
            key,
            options,
            body,
            BasicProperties::default(),
        );
        sent.await.expect("sent").await.expect("confirmed");
        let delivery = queue.receive().await.expect("a delivery");
        let QueueMessage::Poison(poison) = delivery.message() else { panic!("{:?}", delivery.message()) };
        assert_eq!(poison.size, body.len());
        let dead_letter = DeadLetter::of_poison(poison, Timestamp::from_unix(9));
        delivery.settle(Settlement::Dead(Box::new(dead_letter))).await.expect("dead-lettered");
    }
    queue.publish(job(1), Duration::ZERO).await.expect("published");
    let delivery =
        timeout(Duration::from_secs(20), queue.receive()).await.expect("poison does not stop deliveries");
    delivery.expect("a delivery").settle(Settlement::Done).await.expect("settled");
}

#[tokio::test]
#[ignore = "needs rabbitmq-server; tests/run runs it"]
async fn deleted_queues_are_declared_again_and_cut_connections_are_restored() {
    let rabbit = Rabbit::shared().await;
    let topology = topology();
    let proxy = Proxy::to(rabbit.port()).await;
    let (queue, _tasks) = connected(&Rabbit::url_at(proxy.port()), &topology, 6).await;
    let channel = rabbit.connect().await.create_channel().await.expect("a channel");
    let jobs = || topology.jobs.as_str().into();
    channel.queue_delete(jobs(), Default::default()).await.expect("deleted");
    let error = queue.publish(job(1), Duration::ZERO).await.expect_err("there is no such queue");
    assert!(error.to_string().contains(&topology.jobs), "{error}");
    for round in 0..3 {
        wait_until("it is connected", || queue.broker_status().connected).await;
        publish(&*queue, 10 + round).await;
        proxy.cut();
    }
    wait_until("it is connected", || queue.broker_status().connected).await;
    channel.queue_purge(jobs(), QueuePurgeOptions::default()).await.expect("purged");
}

/// Publishes until it succeeds: a connection may have been cut in between.
async fn publish(queue: &impl JobQueue, number: u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = queue.publish(job(number), Duration::ZERO).await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

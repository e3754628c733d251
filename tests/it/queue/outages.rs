//! Backfill while the broker, the network, or GitHub fails: no window is lost and no fact is
//! counted twice.

use std::time::Duration;

use futures::StreamExt;
use github_sim::{ApiFault, BusyWorld, FaultKind, RequestMatcher, Simulator, generate_busy_world};
use jiff::SignedDuration;
use lapin::ExchangeKind;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueuePurgeOptions,
};
use lapin::types::FieldTable;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use super::backfill_fixture::BackfillFixture;
use crate::support::{simulator, soak};

/// An organisation that takes a while to repair.
fn busy() -> Simulator {
    let busy_world =
        BusyWorld { seed: 23, org: "acme".to_owned(), repos: 16, deletions: false, ..BusyWorld::default() };
    simulator(move |now| generate_busy_world(busy_world, now))
}

/// Makes GitHub slow and unreliable, so that jobs take time and fail, which causes traffic on the
/// broker.
fn inject_faults(simulator: &Simulator) {
    simulator
        .faults()
        .add(ApiFault::new(RequestMatcher::Always, FaultKind::Delay { millis: 100 }).probability(0.5, 5));
    let broken = ApiFault::status(RequestMatcher::Always, 502, "Bad Gateway").probability(0.25, 7);
    simulator.faults().add(broken);
}

#[tokio::test]
#[ignore = "needs redis-server and rabbitmq-server; tests/run runs it"]
async fn gaps_are_repaired_while_connections_are_cut_at_any_point() {
    let simulator = busy();
    inject_faults(&simulator);
    let fixture = BackfillFixture::start(simulator).await;
    let mut rng = StdRng::seed_from_u64(3);
    let rounds = if soak() { 200 } else { 15 };
    for round in 0..rounds {
        // A publish takes hundreds of bytes, an acknowledgement tens: most cuts hit the middle of
        // one.
        match round % 3 {
            0 => fixture.proxy.cut(),
            _ => fixture.proxy.cut_after(rng.random_range(1..600)),
        }
        fixture.simulator.advance(Duration::from_secs(90));
        sleep(Duration::from_millis(rng.random_range(200..900))).await;
    }
    assert!(fixture.proxy.cuts() > rounds / 3, "{} cuts", fixture.proxy.cuts());
    fixture.simulator.faults().clear();
    fixture.settle().await;
    let repaired = fixture.processed("success").await;
    assert!(repaired >= 4.0, "backfill repaired {repaired} windows");
    fixture.wait_for_broker("healthy").await;
    fixture.wait_for_metric("all is sent", "gh_exporter_outbox_backlog", |waiting| waiting == 0.0).await;
}

#[tokio::test]
#[ignore = "needs redis-server and rabbitmq-server; tests/run runs it"]
async fn a_broker_that_dies_hangs_is_emptied_or_runs_out_of_memory_loses_nothing() {
    let simulator = busy();
    inject_faults(&simulator);
    let fixture = BackfillFixture::start(simulator).await;
    fixture.wait_for_broker("healthy").await;
    let health = "gh_exporter_dependency_health{dependency=\"amqp\"}";
    // Killed: jobs wait in the outbox, which health and metrics show.
    fixture.rabbit.kill();
    fixture.wait_for_broker("degraded").await;
    fixture.wait_for_metric("it shows", health, |up| up == 0.0).await;
    assert_eq!(fixture.leader.get("/readyz").await.0, 200, "a failed broker does not make it unready");
    let_time_pass(&fixture, 10).await;
    fixture.rabbit.run().await;
    fixture.wait_for_broker("healthy").await;
    // Suspended: nothing blocks.
    fixture.rabbit.signal("STOP");
    let_time_pass(&fixture, if soak() { 300 } else { 80 }).await;
    fixture.rabbit.signal("CONT");
    fixture.wait_for_broker("healthy").await;
    // Emptied: queues are declared again, and periodic checks fill them.
    fixture.rabbit.kill();
    fixture.rabbit.run_empty().await;
    fixture.wait_for_broker("healthy").await;
    let_time_pass(&fixture, 10).await;
    // Out of memory: it accepts no message, and nothing blocks.
    fixture.rabbit.control(&["set_vm_memory_high_watermark", "0"]).await;
    let_time_pass(&fixture, 30).await;
    fixture.rabbit.control(&["set_vm_memory_high_watermark", "0.4"]).await;
    fixture.simulator.faults().clear();
    fixture.settle().await;
    fixture.wait_for_broker("healthy").await;
    fixture.wait_for_metric("all is sent", "gh_exporter_outbox_backlog", |waiting| waiting == 0.0).await;
    fixture.wait_for_metric("it is healthy", health, |up| up == 1.0).await;
}

/// Lets tenths of a second pass, and 30 simulated seconds in each.
async fn let_time_pass(fixture: &BackfillFixture, tenths: u32) {
    for _ in 0..tenths {
        fixture.simulator.advance(Duration::from_secs(30));
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server and rabbitmq-server; tests/run runs it"]
async fn an_hour_without_github_is_backfilled() {
    let fixture = BackfillFixture::start(busy()).await;
    fixture.settle().await;
    let back = fixture.simulator.now() + SignedDuration::from_hours(1);
    fixture.simulator.faults().add(ApiFault::status(RequestMatcher::Always, 503, "Unavailable").until(back));
    for _ in 0..61 {
        fixture.simulator.advance(Duration::from_secs(60));
        sleep(Duration::from_millis(150)).await;
    }
    let enqueued = "gh_exporter_backfill_jobs_enqueued_total{org=\"acme\",reason=\"github_unhealthy\"}";
    fixture.wait_for_metric("missed windows were enqueued", enqueued, |jobs| jobs >= 1.0).await;
    fixture.settle().await;
    let depth = format!("gh_exporter_queue_depth{{queue=\"{}.jobs\"}}", fixture.exchange);
    fixture.wait_for_metric("the queue is drained", &depth, |jobs| jobs == 0.0).await;
}

#[tokio::test]
#[ignore = "needs redis-server and rabbitmq-server; tests/run runs it"]
async fn duplicate_jobs_and_a_purged_queue_change_nothing() {
    let simulator = busy();
    inject_faults(&simulator);
    let fixture = BackfillFixture::start(simulator).await;
    let (connection, exchange) = (fixture.rabbit.connect().await, fixture.exchange.clone());
    let channel = connection.create_channel().await.expect("a channel");
    let jobs = format!("{exchange}.jobs");
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("tap".into(), options, FieldTable::default()).await.expect("a queue");
    // The replicas declare it as well.
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let declared = channel.exchange_declare(
        exchange.as_str().into(),
        ExchangeKind::Direct,
        durable,
        FieldTable::default(),
    );
    declared.await.expect("an exchange");
    let (to, key) = (exchange.as_str().into(), jobs.as_str().into());
    let bind = channel.queue_bind("tap".into(), to, key, QueueBindOptions::default(), FieldTable::default());
    bind.await.expect("bound");
    let consuming = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut tap = channel
        .basic_consume("tap".into(), "".into(), consuming, FieldTable::default())
        .await
        .expect("a tap");
    let (target, again) = (jobs.clone(), channel.clone());
    let doubling = tokio::spawn(async move {
        let mut doubled = 0;
        while let Some(Ok(job)) = tap.next().await {
            // Directly to the queue, so that the copy is not copied again.
            let (options, properties) = (BasicPublishOptions::default(), job.properties.clone());
            let sent = again.basic_publish("".into(), target.as_str().into(), options, &job.data, properties);
            if sent.await.is_err() {
                break;
            }
            doubled += 1;
        }
        doubled
    });
    let_time_pass(&fixture, 20).await;
    channel.queue_purge(jobs.as_str().into(), QueuePurgeOptions::default()).await.expect("purged");
    let_time_pass(&fixture, 20).await;
    fixture.simulator.faults().clear();
    fixture.settle().await;
    channel.close(200, "done".into()).await.expect("closed");
    assert!(doubling.await.expect("it ended") > 0, "no job was duplicated");
    assert!(fixture.processed("success").await > 0.0, "backfill repaired nothing");
}

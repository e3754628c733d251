//! Backfill while the broker, the way to it, or GitHub fails: no window is lost and no fact doubled.

use std::time::Duration;

use futures::StreamExt;
use github_sim::{Fault, FaultKind, Lively, Matcher, Simulator, generate};
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

use super::cluster::Cluster;
use crate::acceptance::simulator;
use crate::support::soak;

/// An organisation that takes a while to repair.
fn busy() -> Simulator {
    let lively =
        Lively { seed: 23, org: "acme".to_owned(), repos: 16, deletions: false, ..Lively::default() };
    simulator(move |now| generate(lively, now))
}

/// GitHub answers late, and sometimes not at all: jobs take time and fail, so that there is traffic.
fn trouble(simulator: &Simulator) {
    simulator.faults().add(Fault::new(Matcher::Always, FaultKind::Delay { millis: 100 }).probability(0.5, 5));
    let broken = Fault::status(Matcher::Always, 502, "Bad Gateway").probability(0.25, 7);
    simulator.faults().add(broken);
}

#[tokio::test]
async fn holes_are_repaired_while_connections_are_cut_in_the_middle_of_anything() {
    let simulator = busy();
    trouble(&simulator);
    let Some(cluster) = Cluster::start(simulator).await else { return };
    let mut rng = StdRng::seed_from_u64(3);
    let rounds = if soak() { 200 } else { 15 };
    for round in 0..rounds {
        // A publish is some hundred bytes, an acknowledgement some ten: most cuts hit the middle of one.
        match round % 3 {
            0 => cluster.proxy.cut(),
            _ => cluster.proxy.cut_after(rng.random_range(1..600)),
        }
        cluster.simulator.advance(Duration::from_secs(90));
        sleep(Duration::from_millis(rng.random_range(200..900))).await;
    }
    assert!(cluster.proxy.cuts() > rounds / 3, "{} cuts", cluster.proxy.cuts());
    cluster.simulator.faults().clear();
    cluster.settle().await;
    let repaired = cluster.processed("success").await;
    assert!(repaired >= 4.0, "backfill repaired {repaired} windows");
    cluster.until_broker("healthy").await;
    cluster.until_metric("all is sent", "gh_exporter_outbox_backlog", |waiting| waiting == 0.0).await;
}

#[tokio::test]
async fn a_broker_that_dies_hangs_is_emptied_or_short_of_memory_costs_nothing() {
    let simulator = busy();
    trouble(&simulator);
    let Some(cluster) = Cluster::start(simulator).await else { return };
    cluster.until_broker("healthy").await;
    let health = "gh_exporter_dependency_health{dependency=\"amqp\"}";
    // Killed: jobs wait here, and say so.
    cluster.rabbit.kill();
    cluster.until_broker("degraded").await;
    cluster.until_metric("it shows", health, |up| up == 0.0).await;
    assert_eq!(cluster.leader.get("/readyz").await.0, 200, "a broken broker does not make it unready");
    pass(&cluster, 10).await;
    cluster.rabbit.run().await;
    cluster.until_broker("healthy").await;
    // Stopped: nobody waits for it.
    cluster.rabbit.signal("STOP");
    pass(&cluster, if soak() { 300 } else { 80 }).await;
    cluster.rabbit.signal("CONT");
    cluster.until_broker("healthy").await;
    // Emptied: queues are declared again, and the sweeps fill them.
    cluster.rabbit.kill();
    cluster.rabbit.run_empty().await;
    cluster.until_broker("healthy").await;
    pass(&cluster, 10).await;
    // Short of memory: it takes nothing, and nobody waits for it.
    cluster.rabbit.control(&["set_vm_memory_high_watermark", "0"]).await;
    pass(&cluster, 30).await;
    cluster.rabbit.control(&["set_vm_memory_high_watermark", "0.4"]).await;
    cluster.simulator.faults().clear();
    cluster.settle().await;
    cluster.until_broker("healthy").await;
    cluster.until_metric("all is sent", "gh_exporter_outbox_backlog", |waiting| waiting == 0.0).await;
    cluster.until_metric("all is well", health, |up| up == 1.0).await;
}

/// Tenths of a second go by, and minutes at GitHub.
async fn pass(cluster: &Cluster, tenths: u32) {
    for _ in 0..tenths {
        cluster.simulator.advance(Duration::from_secs(30));
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn an_hour_without_github_is_made_up_for() {
    let Some(cluster) = Cluster::start(busy()).await else { return };
    cluster.settle().await;
    let back = cluster.simulator.now() + SignedDuration::from_hours(1);
    cluster.simulator.faults().add(Fault::status(Matcher::Always, 503, "Unavailable").until(back));
    for _ in 0..61 {
        cluster.simulator.advance(Duration::from_secs(60));
        sleep(Duration::from_millis(150)).await;
    }
    let enqueued = "gh_exporter_backfill_jobs_enqueued_total{org=\"acme\",reason=\"github_unhealthy\"}";
    cluster.until_metric("missed windows were enqueued", enqueued, |jobs| jobs >= 1.0).await;
    cluster.settle().await;
    let depth = "gh_exporter_queue_depth{queue=\"gh.backfill.jobs\"}";
    cluster.until_metric("the queue is drained", depth, |jobs| jobs == 0.0).await;
}

#[tokio::test]
async fn duplicated_jobs_and_a_purged_queue_change_nothing() {
    let simulator = busy();
    trouble(&simulator);
    let Some(cluster) = Cluster::start(simulator).await else { return };
    let (connection, exchange) = (cluster.rabbit.connect().await, cluster.exchange.clone());
    let channel = connection.create_channel().await.expect("a channel");
    let jobs = format!("{exchange}.jobs");
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("tap".into(), options, FieldTable::default()).await.expect("a queue");
    // The replicas declare it too, sooner or later.
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
            // Past the exchange, so that the copy is not copied again.
            let (options, properties) = (BasicPublishOptions::default(), job.properties.clone());
            let sent = again.basic_publish("".into(), target.as_str().into(), options, &job.data, properties);
            if sent.await.is_err() {
                break;
            }
            doubled += 1;
        }
        doubled
    });
    pass(&cluster, 20).await;
    channel.queue_purge(jobs.as_str().into(), QueuePurgeOptions::default()).await.expect("purged");
    pass(&cluster, 20).await;
    cluster.simulator.faults().clear();
    cluster.settle().await;
    channel.close(200, "done".into()).await.expect("closed");
    assert!(doubling.await.expect("it ended") > 0, "no job was doubled");
    assert!(cluster.processed("success").await > 0.0, "backfill repaired nothing");
}

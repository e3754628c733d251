//! Throughput of the queue, compared with the AMQP library alone.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use github_stats_actors::queue::{JobQueue, Settlement};
use lapin::BasicProperties;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use tokio::time::Instant;

use super::fixture::{connected, job, topology};
use crate::support::Rabbit;

const JOBS: u32 = 5_000;
const PREFETCH: u16 = 6;
/// Concurrent publishes, as many as the queue actor makes.
const PUBLISHES: usize = 16;

/// Jobs per second that are published with confirmation, consumed and acknowledged.
async fn through_the_queue(url: &str) -> f64 {
    let (queue, _tasks) = connected(url, &topology(), PREFETCH).await;
    let started = Instant::now();
    let publish = futures::stream::iter(0..JOBS).for_each_concurrent(PUBLISHES, |number| {
        let queue = queue.clone();
        async move { queue.publish(job(number), Duration::ZERO).await.expect("published") }
    });
    let workers = (0..u32::from(PREFETCH)).map(|worker| {
        let queue = queue.clone();
        async move {
            let share = JOBS / u32::from(PREFETCH) + u32::from(worker < JOBS % u32::from(PREFETCH));
            for _ in 0..share {
                let delivery = queue.receive().await.expect("a delivery");
                delivery.settle(Settlement::Done).await.expect("settled");
            }
        }
    });
    tokio::join!(publish, futures::future::join_all(workers));
    f64::from(JOBS) / started.elapsed().as_secs_f64()
}

/// The same with the library alone: two connections, the same settings and messages.
async fn with_the_library(rabbit: &Rabbit) -> f64 {
    let topology = topology();
    let (out, back) = (rabbit.connect().await, rabbit.connect().await);
    topology.declare(&out, "").await.expect("declared");
    let (out, back) =
        (out.create_channel().await.expect("a channel"), back.create_channel().await.expect("a channel"));
    out.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    back.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("a prefetch");
    let (jobs, options) = (topology.jobs.as_str(), BasicConsumeOptions::default());
    let mut consumer =
        back.basic_consume(jobs.into(), "".into(), options, FieldTable::default()).await.expect("a consumer");
    let started = Instant::now();
    let (out, exchange) = (Arc::new(out), topology.exchange.as_str());
    let publish = futures::stream::iter(0..JOBS).for_each_concurrent(PUBLISHES, |number| {
        let out = out.clone();
        async move {
            let body = serde_json::to_vec(&job(number)).expect("JSON");
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let properties = BasicProperties::default().with_delivery_mode(2);
            let sent = out.basic_publish(exchange.into(), jobs.into(), options, &body, properties).await;
            sent.expect("sent").await.expect("confirmed");
        }
    });
    let consume = async {
        for _ in 0..JOBS {
            let delivery = consumer.next().await.expect("a delivery").expect("a delivery");
            delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
        }
    };
    tokio::join!(publish, consume);
    f64::from(JOBS) / started.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement; see docs/PERFORMANCE.md"]
async fn throughput_beside_the_bare_library() {
    let rabbit = Rabbit::shared().await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        theirs.push(with_the_library(&rabbit).await);
        ours.push(through_the_queue(&rabbit.url()).await);
    }
    for rates in [&mut ours, &mut theirs] {
        rates.sort_by(f64::total_cmp);
    }
    println!("ours {:.0}/s, library {:.0}/s, ratio {:.2}", ours[2], theirs[2], ours[2] / theirs[2]);
}

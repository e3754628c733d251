#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]
//! What supervision costs: messages beside raw actix, and the time from a panic to the next living incarnation.

use std::hint::black_box;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use actix_rt::{System, SystemRunner};
use actix_supervisor::{
    ActorRef, Backoff, ChildSpec, Exit, Intensity, RootHandle, Strategy, SupervisorSpec, start_root,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::time::Instant;

/// Messages a measured iteration sends.
const BATCH: usize = 1000;
/// Deaths over which the latency of a restart is measured.
const DEATHS: usize = 1000;

struct Counter(u64);

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(2 * BATCH);
    }
}

struct Add(u64);

impl Message for Add {
    type Result = u64;
}

impl Handler<Add> for Counter {
    type Result = u64;

    fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 {
        self.0 += n;
        self.0
    }
}

struct Die;

impl Message for Die {
    type Result = ();
}

impl Handler<Die> for Counter {
    type Result = ();

    fn handle(&mut self, _: Die, _: &mut Context<Self>) {
        panic!("on purpose");
    }
}

fn supervised(system: &SystemRunner) -> (ActorRef<Counter>, RootHandle) {
    let actor = ActorRef::new("counter");
    let child = ChildSpec::actor(&actor, || Counter(0))
        .mailbox(2 * BATCH)
        .backoff(Backoff::none())
        .intensity(Intensity::new(u32::MAX, Duration::ZERO));
    system.block_on(async {
        let spec = SupervisorSpec::new("root", Strategy::OneForOne).child(child);
        let root = start_root(spec).expect("the names differ");
        actor.ready().await.expect("the actor starts");
        (actor, root)
    })
}

fn messages(c: &mut Criterion) {
    let system = System::new();
    let (actor, root) = supervised(&system);
    let raw = system.block_on(async { Counter(0).start() });

    let mut group = c.benchmark_group("call");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("actix", |b| {
        b.iter(|| {
            system.block_on(async {
                for n in 0..BATCH {
                    black_box(raw.send(Add(n as u64)).await.expect("alive"));
                }
            });
        });
    });
    group.bench_function("supervised", |b| {
        b.iter(|| {
            system.block_on(async {
                for n in 0..BATCH {
                    black_box(actor.call(Add(n as u64)).await.expect("alive"));
                }
            });
        });
    });
    group.finish();

    let mut group = c.benchmark_group("cast");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("actix", |b| {
        b.iter(|| {
            system.block_on(async {
                (0..BATCH).for_each(|n| raw.do_send(Add(n as u64)));
                black_box(raw.send(Add(0)).await.expect("alive"));
            });
        });
    });
    group.bench_function("supervised", |b| {
        b.iter(|| {
            system.block_on(async {
                (0..BATCH).for_each(|n| actor.cast(Add(n as u64)).expect("a free slot"));
                black_box(actor.call(Add(0)).await.expect("alive"));
            });
        });
    });
    group.finish();
    assert_eq!(system.block_on(root.shutdown(Duration::from_secs(5))), Exit::Shutdown);
}

/// Time from the moment the death is known to the first answer of the next incarnation.
async fn restart(actor: &ActorRef<Counter>) -> Duration {
    let incarnation = actor.ready().await.expect("alive");
    let begun = Instant::now();
    actor.call(Die).await.expect_err("the actor dies");
    actor.down(incarnation).await;
    actor.ready().await.expect("alive again");
    actor.call(Add(1)).await.expect("alive again");
    begun.elapsed()
}

fn restarts(c: &mut Criterion) {
    // Printing a thousand panics would measure the terminal.
    std::panic::set_hook(Box::new(|_| {}));
    let system = System::new();
    let (actor, root) = supervised(&system);
    let mut latencies = system.block_on(async {
        let mut latencies = Vec::with_capacity(DEATHS);
        for _ in 0..DEATHS {
            latencies.push(restart(&actor).await);
        }
        latencies
    });
    latencies.sort_unstable();
    let percentile = |p: usize| latencies[DEATHS * p / 100];
    println!("restart/{DEATHS} panics: p50 {:?}, p99 {:?}", percentile(50), percentile(99));
    c.bench_function("restart", |b| b.iter(|| system.block_on(restart(&actor))));
    assert_eq!(system.block_on(root.shutdown(Duration::from_secs(5))), Exit::Shutdown);
}

criterion_group!(benches, messages, restarts);
criterion_main!(benches);

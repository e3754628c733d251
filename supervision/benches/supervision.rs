#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]
//! The cost of supervision: messages beside raw actix and ractor, and the time from a failure to
//! the first reply of the next incarnation beside a ractor supervisor that respawns its child. All
//! run on the same single-threaded runtime.

use std::hint::black_box;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use actix_rt::{System, SystemRunner};
use actix_supervisor::{
    ActorRef, Backoff, ChildSpec, Exit, Intensity, RootHandle, Strategy, SupervisorSpec, start_root,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::time::Instant;

/// Messages per measured iteration.
const BATCH: usize = 1000;
/// Failures over which the percentiles of the restart latency are taken.
const FAILURES: usize = 1000;

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

struct Panic;

impl Message for Panic {
    type Result = ();
}

impl Handler<Panic> for Counter {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("on purpose");
    }
}

/// The same actor for ractor, and a supervisor that respawns it.
mod in_ractor {
    use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
    use tokio::sync::mpsc;

    pub struct Counter;

    pub enum CounterMessage {
        /// Without a port for the reply it is a cast.
        Add(u64, Option<RpcReplyPort<u64>>),
        Panic,
    }

    impl Actor for Counter {
        type Msg = CounterMessage;
        type State = u64;
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<CounterMessage>, _: ()) -> Result<u64, ActorProcessingErr> {
            Ok(0)
        }

        async fn handle(
            &self,
            _: ActorRef<CounterMessage>,
            message: CounterMessage,
            sum: &mut u64,
        ) -> Result<(), ActorProcessingErr> {
            match message {
                CounterMessage::Add(n, reply) => {
                    *sum += n;
                    if let Some(reply) = reply {
                        reply.send(*sum)?;
                    }
                    Ok(())
                }
                CounterMessage::Panic => panic!("on purpose"),
            }
        }
    }

    /// Publishes the address of each successor.
    pub struct Supervisor(pub mpsc::UnboundedSender<ActorRef<CounterMessage>>);

    impl Supervisor {
        async fn spawn_child(&self, myself: &ActorRef<()>) -> Result<(), ActorProcessingErr> {
            let (child, _) = Actor::spawn_linked(None, Counter, (), myself.get_cell()).await?;
            self.0.send(child)?;
            Ok(())
        }
    }

    impl Actor for Supervisor {
        type Msg = ();
        type State = ();
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<()>, _: ()) -> Result<(), ActorProcessingErr> {
            Ok(())
        }

        async fn post_start(&self, myself: ActorRef<()>, _: &mut ()) -> Result<(), ActorProcessingErr> {
            self.spawn_child(&myself).await
        }

        async fn handle_supervisor_evt(
            &self,
            myself: ActorRef<()>,
            event: SupervisionEvent,
            _: &mut (),
        ) -> Result<(), ActorProcessingErr> {
            match event {
                SupervisionEvent::ActorFailed(..) => self.spawn_child(&myself).await,
                _ => Ok(()),
            }
        }
    }

    pub async fn add(counter: &ActorRef<CounterMessage>, n: u64) -> u64 {
        let reply = counter.call(|port| CounterMessage::Add(n, Some(port)), Some(super::CALL_LIMIT)).await;
        reply.expect("alive").expect("a reply")
    }
}

/// The limit of a ractor call; that of a supervised call is the default of the crate, also 30
/// seconds.
const CALL_LIMIT: Duration = Duration::from_secs(30);

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
    let (counter, _) =
        system.block_on(ractor::Actor::spawn(None, in_ractor::Counter, ())).expect("the actor starts");

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
    group.bench_function("ractor", |b| {
        b.iter(|| {
            system.block_on(async {
                for n in 0..BATCH {
                    black_box(in_ractor::add(&counter, n as u64).await);
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
    group.bench_function("ractor", |b| {
        b.iter(|| {
            system.block_on(async {
                for n in 0..BATCH {
                    counter.cast(in_ractor::CounterMessage::Add(n as u64, None)).expect("alive");
                }
                black_box(in_ractor::add(&counter, 0).await);
            });
        });
    });
    group.finish();
    assert_eq!(system.block_on(root.shutdown(Duration::from_secs(5))), Exit::Shutdown);
}

/// Time from the message that makes the handler panic to the first reply of the next incarnation.
async fn restart(actor: &ActorRef<Counter>) -> Duration {
    let incarnation = actor.ready().await.expect("alive");
    let started = Instant::now();
    actor.call(Panic).await.expect_err("the actor dies");
    actor.down(incarnation).await;
    actor.ready().await.expect("alive again");
    actor.call(Add(1)).await.expect("alive again");
    started.elapsed()
}

type Successors = tokio::sync::mpsc::UnboundedReceiver<ractor::ActorRef<in_ractor::CounterMessage>>;

/// The same for a child of the ractor supervisor; replaces its address.
async fn restart_in_ractor(
    counter: &mut ractor::ActorRef<in_ractor::CounterMessage>,
    successors: &mut Successors,
) -> Duration {
    let started = Instant::now();
    counter.cast(in_ractor::CounterMessage::Panic).expect("alive");
    *counter = successors.recv().await.expect("the supervisor is alive");
    in_ractor::add(counter, 1).await;
    started.elapsed()
}

fn print_percentiles(name: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let percentile = |p: usize| latencies[FAILURES * p / 100];
    println!("restart/{name}: {FAILURES} panics, p50 {:?}, p99 {:?}", percentile(50), percentile(99));
}

fn restarts(c: &mut Criterion) {
    // Printing thousands of panics would measure the terminal.
    std::panic::set_hook(Box::new(|_| {}));
    let system = System::new();
    let (actor, root) = supervised(&system);
    let (successor_tx, mut successors) = tokio::sync::mpsc::unbounded_channel();
    let (_supervisor, _) = system
        .block_on(ractor::Actor::spawn(None, in_ractor::Supervisor(successor_tx), ()))
        .expect("the supervisor starts");
    let mut counter = system.block_on(successors.recv()).expect("the supervisor spawns its child");

    let latencies = system.block_on(async {
        let mut latencies = Vec::with_capacity(FAILURES);
        for _ in 0..FAILURES {
            latencies.push(restart(&actor).await);
        }
        latencies
    });
    print_percentiles("supervised", latencies);
    let latencies = system.block_on(async {
        let mut latencies = Vec::with_capacity(FAILURES);
        for _ in 0..FAILURES {
            latencies.push(restart_in_ractor(&mut counter, &mut successors).await);
        }
        latencies
    });
    print_percentiles("ractor", latencies);

    let mut group = c.benchmark_group("restart");
    group.bench_function("supervised", |b| b.iter(|| system.block_on(restart(&actor))));
    group.bench_function("ractor", |b| {
        b.iter(|| system.block_on(restart_in_ractor(&mut counter, &mut successors)));
    });
    group.finish();
    assert_eq!(system.block_on(root.shutdown(Duration::from_secs(5))), Exit::Shutdown);
}

criterion_group!(benches, messages, restarts);
criterion_main!(benches);

//! The behavior of ractor that the comparison in the documentation states.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorStatus, RpcReplyPort, SpawnErr, SupervisionEvent};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(5);

/// An actor that fails on request.
struct Worker;

enum WorkerMessage {
    Count(RpcReplyPort<usize>),
    Increment,
    Panic,
    Hang,
}

/// Whether the start of a worker fails.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Succeeds,
    Fails,
}

impl Actor for Worker {
    type Msg = WorkerMessage;
    type State = usize;
    type Arguments = Start;

    async fn pre_start(&self, _: ActorRef<WorkerMessage>, start: Start) -> Result<usize, ActorProcessingErr> {
        match start {
            Start::Succeeds => Ok(0),
            Start::Fails => Err("no database".into()),
        }
    }

    async fn handle(
        &self,
        _: ActorRef<WorkerMessage>,
        message: WorkerMessage,
        count: &mut usize,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WorkerMessage::Count(reply) => reply.send(*count)?,
            WorkerMessage::Increment => *count += 1,
            WorkerMessage::Panic => panic!("on request"),
            WorkerMessage::Hang => std::future::pending().await,
        }
        Ok(())
    }
}

/// A supervisor that overrides nothing: the default reaction of ractor.
struct DefaultSupervisor;

impl Actor for DefaultSupervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, _: ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// A supervisor that reports failures, and optionally restarts the worker by hand.
struct ReportingSupervisor {
    failures: mpsc::UnboundedSender<String>,
    restarts: Option<mpsc::UnboundedSender<ActorRef<WorkerMessage>>>,
}

impl Actor for ReportingSupervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, _: ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        _: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(_, error) = event {
            self.failures.send(error.to_string())?;
            if let Some(restarts) = &self.restarts {
                let (worker, _) =
                    Actor::spawn_linked(None, Worker, Start::Succeeds, myself.get_cell()).await?;
                restarts.send(worker)?;
            }
        }
        Ok(())
    }
}

struct Reporting {
    supervisor: ActorRef<()>,
    failures: mpsc::UnboundedReceiver<String>,
    restarts: mpsc::UnboundedReceiver<ActorRef<WorkerMessage>>,
}

async fn reporting_supervisor(restart: bool) -> Reporting {
    let (failure_tx, failures) = mpsc::unbounded_channel();
    let (restart_tx, restarts) = mpsc::unbounded_channel();
    let actor = ReportingSupervisor { failures: failure_tx, restarts: restart.then_some(restart_tx) };
    let (supervisor, _) = Actor::spawn(None, actor, ()).await.unwrap();
    Reporting { supervisor, failures, restarts }
}

async fn worker_under(supervisor: &ActorRef<()>) -> ActorRef<WorkerMessage> {
    Actor::spawn_linked(None, Worker, Start::Succeeds, supervisor.get_cell()).await.unwrap().0
}

async fn count(worker: &ActorRef<WorkerMessage>) -> Option<usize> {
    match worker.call(WorkerMessage::Count, Some(LIMIT)).await {
        Ok(CallResult::Success(count)) => Some(count),
        _ => None,
    }
}

#[tokio::test]
async fn a_panic_is_reported_to_the_supervisor_and_nothing_is_restarted() {
    let mut reporting = reporting_supervisor(false).await;
    let worker = worker_under(&reporting.supervisor).await;
    worker.cast(WorkerMessage::Panic).unwrap();
    assert_eq!(timeout(LIMIT, reporting.failures.recv()).await.unwrap().as_deref(), Some("on request"));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(worker.get_status(), ActorStatus::Stopped);
    assert!(worker.cast(WorkerMessage::Increment).is_err(), "the address is dead");
}

#[tokio::test]
async fn the_default_supervisor_stops_when_a_child_fails() {
    let (supervisor, ended) = Actor::spawn(None, DefaultSupervisor, ()).await.unwrap();
    let worker = worker_under(&supervisor).await;
    worker.cast(WorkerMessage::Panic).unwrap();
    timeout(LIMIT, ended).await.expect("the supervisor ends").unwrap();
}

#[tokio::test]
async fn a_worker_restarted_by_hand_has_a_new_address_and_no_limit_of_restarts() {
    let mut reporting = reporting_supervisor(true).await;
    let first = worker_under(&reporting.supervisor).await;
    let mut worker = first.clone();
    for _ in 0..200 {
        worker.cast(WorkerMessage::Panic).unwrap();
        worker = timeout(LIMIT, reporting.restarts.recv()).await.unwrap().unwrap();
    }
    assert_eq!(count(&worker).await, Some(0));
    assert!(first.cast(WorkerMessage::Increment).is_err(), "the old address is dead");
}

#[tokio::test(start_paused = true)]
async fn a_hung_handler_is_not_noticed() {
    let mut reporting = reporting_supervisor(true).await;
    let worker = worker_under(&reporting.supervisor).await;
    worker.cast(WorkerMessage::Hang).unwrap();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(worker.get_status(), ActorStatus::Running);
    assert!(reporting.failures.try_recv().is_err());
    assert_eq!(count(&worker).await, None, "the call times out");
}

#[tokio::test]
async fn a_mailbox_has_no_bound() {
    let reporting = reporting_supervisor(false).await;
    let worker = worker_under(&reporting.supervisor).await;
    worker.cast(WorkerMessage::Hang).unwrap();
    for _ in 0..100_000 {
        worker.cast(WorkerMessage::Increment).unwrap();
    }
}

#[tokio::test]
async fn a_failed_start_is_an_error_of_the_spawn() {
    let mut reporting = reporting_supervisor(true).await;
    let spawned = Actor::spawn_linked(None, Worker, Start::Fails, reporting.supervisor.get_cell()).await;
    assert!(matches!(spawned, Err(SpawnErr::StartupFailed(_))));
    assert!(reporting.failures.try_recv().is_err(), "the supervisor gets no event");
}

#[tokio::test]
async fn a_stopped_supervisor_stops_its_children() {
    let reporting = reporting_supervisor(false).await;
    let worker = worker_under(&reporting.supervisor).await;
    reporting.supervisor.stop(None);
    worker.wait(Some(LIMIT)).await.unwrap();
    assert_eq!(worker.get_status(), ActorStatus::Stopped);
}

#[tokio::test]
async fn a_stop_skips_waiting_messages_and_a_drain_handles_them() {
    let handled = Arc::new(AtomicUsize::new(0));
    for drain in [false, true] {
        handled.store(0, Ordering::Relaxed);
        let (actor, ended) = Actor::spawn(None, Slow(handled.clone()), ()).await.unwrap();
        for _ in 0..10 {
            actor.cast(()).unwrap();
        }
        // The first message is being handled; the others wait.
        sleep(Duration::from_millis(10)).await;
        if drain {
            actor.drain().unwrap()
        } else {
            actor.stop(None)
        }
        timeout(LIMIT, ended).await.unwrap().unwrap();
        let count = handled.load(Ordering::Relaxed);
        assert!(if drain { count == 10 } else { count < 10 }, "drain {drain}: {count} handled");
    }
}

/// Takes a while for each message, and counts the handled ones.
struct Slow(Arc<AtomicUsize>);

impl Actor for Slow {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, _: ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<()>, _: (), _: &mut ()) -> Result<(), ActorProcessingErr> {
        sleep(Duration::from_millis(30)).await;
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

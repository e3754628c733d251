//! The root of the tree, and its handle.

use std::collections::HashSet;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::children::Children;
use super::registry::Registry;
use super::starter::ChildEvent;
use super::supervisor_state::Termination;
use super::{ActorId, ChildSpec, ExitReason, Strategy, SupervisorRef, SupervisorSpec, TreeSnapshot};

/// How often a shutdown logs the actors it waits for.
const STRAGGLER_INTERVAL: Duration = Duration::from_secs(5);

/// How a tree ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Exit {
    /// [`RootHandle::shutdown`] was called.
    Shutdown,
    /// A child exceeded its restart intensity or could not be aborted; all others were stopped in
    /// order.
    Escalated {
        /// That child of the root supervisor, or the root supervisor itself.
        child: ActorId,
        /// Its last exit; for a nested supervisor, this names the child that made it escalate.
        reason: ExitReason,
    },
    /// The runtime of the tree ended.
    Cancelled,
}

/// Why a tree was not started: two of its actors have the same name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("two actors of the tree are called {0}")]
pub struct DuplicateId(pub(crate) String);

/// A handle of a running tree, usable from any thread. Dropping it has no effect on the tree.
#[derive(Clone)]
pub struct RootHandle {
    registry: Registry,
    supervisor: SupervisorRef,
    shutdown_requests: mpsc::UnboundedSender<Duration>,
    exit: watch::Receiver<Option<Exit>>,
}

/// Supervises the root supervisor, by the same rules as a supervisor its children.
struct Guardian {
    root: ActorId,
    children: Children,
    registry: Registry,
    events: mpsc::UnboundedReceiver<ChildEvent>,
    shutdown_requests: mpsc::UnboundedReceiver<Duration>,
    /// When to log the actors a shutdown waits for, once it has begun.
    report_at: Option<Instant>,
}

/// Starts a tree on the current arbiter. The root supervisor itself is supervised: if it panics,
/// hangs or stops, the whole tree is restarted, within the default intensity.
///
/// # Errors
/// [`DuplicateId`] if two actors of the tree have the same name.
///
/// # Panics
/// Outside of an arbiter or `LocalSet`.
pub fn start_root(spec: SupervisorSpec) -> Result<RootHandle, DuplicateId> {
    let registry = Registry::new();
    let supervisor = spec.handle();
    let (event_tx, events) = mpsc::unbounded_channel();
    let (shutdown_tx, shutdown_requests) = mpsc::unbounded_channel();
    let (exit_tx, exit) = watch::channel(None);
    let root = spec.id().clone();
    let mut children = Children::new(None, Strategy::OneForOne, registry.clone(), event_tx);
    let child = ChildSpec::supervisor(spec);
    check_names(&child)?;
    children.add(child, false).map_err(|_| DuplicateId(root.to_string()))?;
    let guardian =
        Guardian { root, children, registry: registry.clone(), events, shutdown_requests, report_at: None };
    tokio::task::spawn_local(async move {
        let outcome = guardian.run().await;
        exit_tx.send_replace(Some(outcome));
    });
    Ok(RootHandle { registry, supervisor, shutdown_requests: shutdown_tx, exit })
}

/// Fails if two actors have the same name.
fn check_names(tree: &ChildSpec) -> Result<(), DuplicateId> {
    let mut seen = HashSet::new();
    match tree.names().find(|name| !seen.insert(name.clone())) {
        Some(duplicate) => Err(DuplicateId(duplicate.to_string())),
        None => Ok(()),
    }
}

// === impl Exit ===

impl Exit {
    /// The exit code of a process whose tree ended like this: 0 after a shutdown, 1 otherwise.
    pub fn code(&self) -> u8 {
        u8::from(*self != Self::Shutdown)
    }
}

// === impl RootHandle ===

impl RootHandle {
    /// Waits until the tree has ended.
    pub async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone().unwrap_or(Exit::Cancelled),
            Err(_) => Exit::Cancelled,
        }
    }

    /// Stops the tree, the last started actor first, and waits until it has ended; actors that have
    /// not stopped after `grace` are aborted. A second call may shorten the grace period. Every 5
    /// seconds the log names the actors that have not stopped.
    pub async fn shutdown(&self, grace: Duration) -> Exit {
        // If the guardian has ended, its exit is available.
        let _ = self.shutdown_requests.send(grace);
        self.wait().await
    }

    /// How the tree ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// A snapshot of the tree. Asks no actor and never blocks.
    pub fn tree(&self) -> TreeSnapshot {
        self.registry.snapshot()
    }

    /// Injects a fault into one actor of the tree. Requires the feature `fault-injection`.
    ///
    /// # Errors
    /// See [`InjectError`](super::InjectError).
    #[cfg(feature = "fault-injection")]
    pub fn inject(&self, id: impl Into<ActorId>, fault: super::Fault) -> Result<(), super::InjectError> {
        self.registry.inject(&id.into(), fault)
    }

    /// The root supervisor, to start and stop dynamic children.
    pub fn supervisor(&self) -> &SupervisorRef {
        &self.supervisor
    }
}

impl std::fmt::Debug for RootHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootHandle").field("root", self.supervisor.id()).field("exit", &self.exit()).finish()
    }
}

// === impl Guardian ===

impl Guardian {
    async fn run(mut self) -> Exit {
        loop {
            let now = Instant::now();
            self.children.advance(now);
            if let Some(termination) = self.children.terminated() {
                let exit = exit_of(termination);
                self.registry.mark_stopped(&self.root);
                return exit;
            }
            let wake_at = [self.children.wake_at(now), self.report_at].into_iter().flatten().min();
            tokio::select! {
                Some(event) = self.events.recv() => self.children.handle_event(event, Instant::now()),
                Some(grace) = self.shutdown_requests.recv() => self.shut_down(grace),
                () = sleep_until_due(wake_at) => self.report_stragglers(Instant::now()),
            }
        }
    }

    fn shut_down(&mut self, grace: Duration) {
        let now = Instant::now();
        self.children.limit_shutdown(&self.root, grace, now);
        self.children.shut_down();
        self.report_at.get_or_insert(now + STRAGGLER_INTERVAL);
    }

    fn report_stragglers(&mut self, now: Instant) {
        if self.report_at.is_none_or(|at| now < at) {
            return;
        }
        self.report_at = Some(now + STRAGGLER_INTERVAL);
        for actor in self.registry.snapshot().actors.iter().filter(|actor| !actor.state.is_final()) {
            let mailbox_depth = actor.mailbox_depth;
            tracing::warn!(actor = %actor.id, state = actor.state.as_str(), mailbox_depth, "shutdown is waiting for an actor");
        }
    }
}

async fn sleep_until_due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The exit of a tree whose root supervisor ended like this.
fn exit_of(termination: &Termination) -> Exit {
    match termination {
        Termination::Shutdown => Exit::Shutdown,
        Termination::Escalation { reason: ExitReason::Escalated { child, reason }, .. } => {
            Exit::Escalated { child: child.clone(), reason: ExitReason::clone(reason) }
        }
        Termination::Escalation { child, reason } => {
            Exit::Escalated { child: child.clone(), reason: reason.clone() }
        }
    }
}

//! The root of the tree, and what the process sees of it.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::crew::Closing;
use super::nursery::Nursery;
use super::registry::Registry;
use super::starter::Event;
use super::{
    ActorId, ChildSpec, ExitReason, Fault, InjectError, Strategy, SupervisorRef, SupervisorSpec, TreeSnapshot,
};

/// How often a shutdown names the actors it waits for.
const STRAGGLER_REPORT: Duration = Duration::from_secs(5);

/// How a tree ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Exit {
    /// Somebody asked for it through [`RootHandle::shutdown`].
    Shutdown,
    /// A child died too often, or could not be killed; everything else was stopped in order.
    Escalated {
        /// The child of the root supervisor that was given up, or the root supervisor itself.
        child: ActorId,
        /// How it ended the last time; for a nested supervisor, in turn the child it gave up.
        reason: ExitReason,
    },
    /// The runtime the tree lived on ended.
    Cancelled,
}

/// A tree was not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("two actors of the tree are called {0}")]
pub struct DuplicateId(pub(crate) String);

/// The process' hold on a running tree, usable from any thread. Dropping it changes nothing.
#[derive(Clone)]
pub struct RootHandle {
    registry: Registry,
    supervisor: SupervisorRef,
    orders: mpsc::UnboundedSender<Duration>,
    exit: watch::Receiver<Option<Exit>>,
}

/// Watches over the root supervisor as that does over its children.
struct Guardian {
    root: ActorId,
    nursery: Nursery,
    registry: Registry,
    news: mpsc::UnboundedReceiver<Event>,
    orders: mpsc::UnboundedReceiver<Duration>,
    /// When to name stragglers, once the tree shuts down.
    report_at: Option<Instant>,
}

/// Starts a tree on the current arbiter. The root supervisor is itself watched: if it panics, hangs or stops, the
/// whole tree is restarted, within the default intensity.
///
/// # Errors
/// [`DuplicateId`] if two actors of the tree share a name.
///
/// # Panics
/// Outside of an arbiter or `LocalSet`.
pub fn start_root(spec: SupervisorSpec) -> Result<RootHandle, DuplicateId> {
    let registry = Registry::new();
    let supervisor = spec.handle();
    let (events, news) = mpsc::unbounded_channel();
    let (orders, order_box) = mpsc::unbounded_channel();
    let (exited, exit) = watch::channel(None);
    let root = spec.id().clone();
    let mut nursery = Nursery::new(None, Strategy::OneForOne, registry.clone(), events);
    let child = ChildSpec::supervisor(spec);
    check_names(&child)?;
    nursery.add(child, false).map_err(|_| DuplicateId(root.to_string()))?;
    let guardian =
        Guardian { root, nursery, registry: registry.clone(), news, orders: order_box, report_at: None };
    tokio::task::spawn_local(async move {
        let outcome = guardian.run().await;
        exited.send_replace(Some(outcome));
    });
    Ok(RootHandle { registry, supervisor, orders, exit })
}

/// Finds two actors of one name.
fn check_names(tree: &ChildSpec) -> Result<(), DuplicateId> {
    let mut seen = HashSet::new();
    match tree.names().find(|name| !seen.insert(name.clone())) {
        Some(twice) => Err(DuplicateId(twice.to_string())),
        None => Ok(()),
    }
}

// === impl Exit ===

impl Exit {
    /// The exit code of a process whose tree ended so: 0 after a shutdown, 1 otherwise.
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

    /// Stops the tree, the last started first, and waits until it has ended; what has not stopped after `grace` is
    /// aborted. A second call may shorten the grace.
    pub async fn shutdown(&self, grace: Duration) -> Exit {
        // A guardian that is gone has left its exit behind.
        let _ = self.orders.send(grace);
        self.wait().await
    }

    /// How the tree ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// The tree as it is now. Asks no actor and never blocks.
    pub fn tree(&self) -> TreeSnapshot {
        self.registry.snapshot()
    }

    /// Breaks one actor of the tree.
    ///
    /// # Errors
    /// See [`InjectError`].
    pub fn inject(&self, id: impl Into<ActorId>, fault: Fault) -> Result<(), InjectError> {
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
            self.nursery.advance(now);
            if let Some(closing) = self.nursery.is_over() {
                let exit = exit_of(closing);
                self.registry.retire(&self.root);
                return exit;
            }
            let wake_at = [self.nursery.wake_at(now), self.report_at].into_iter().flatten().min();
            tokio::select! {
                Some(event) = self.news.recv() => self.nursery.hear(event, Instant::now()),
                Some(grace) = self.orders.recv() => self.shut_down(grace),
                () = alarm(wake_at) => self.report_stragglers(Instant::now()),
            }
        }
    }

    fn shut_down(&mut self, grace: Duration) {
        let now = Instant::now();
        self.nursery.hurry(&self.root, grace, now);
        self.nursery.close();
        self.report_at.get_or_insert(now + STRAGGLER_REPORT);
    }

    fn report_stragglers(&mut self, now: Instant) {
        if self.report_at.is_none_or(|at| now < at) {
            return;
        }
        self.report_at = Some(now + STRAGGLER_REPORT);
        for actor in self.registry.snapshot().actors.iter().filter(|actor| !actor.state.is_final()) {
            let mailbox_depth = actor.mailbox_depth;
            tracing::warn!(actor = %actor.id, state = actor.state.as_str(), mailbox_depth, "shutdown waits for");
        }
    }
}

async fn alarm(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What the end of the root supervisor means to the process.
fn exit_of(closing: &Closing) -> Exit {
    match closing {
        Closing::Shutdown => Exit::Shutdown,
        Closing::Escalation { reason: ExitReason::Escalated { child, reason }, .. } => {
            Exit::Escalated { child: child.clone(), reason: ExitReason::clone(reason) }
        }
        Closing::Escalation { child, reason } => {
            Exit::Escalated { child: child.clone(), reason: reason.clone() }
        }
    }
}

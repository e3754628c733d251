//! How one child is started, monitored and stopped.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler};

use super::drain::{Drain, drain};
use super::launcher::{ActorLauncher, Launcher};
use super::registry::ErasedActorRef;
use super::run_options::RunOptions;
use super::tree::ChildKind;
use super::{ActorId, ActorRef, Backoff, Heartbeat, Intensity, Placement, Restart, Starter};

/// How a child is stopped.
///
/// *Stopping* is a request that bypasses the mailbox but takes effect after the messages in it;
/// `stopping()` and `stopped()` run. *Aborting* cancels the task at its next await: nothing more is
/// handled, and actix runs `stopping()` and `stopped()` while it drops the actor, as it does after
/// a panic. Neither can interrupt code that does not return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shutdown {
    /// Its task is aborted at once; the messages in its mailbox are lost and counted.
    Brutal,
    /// It handles the messages it has accepted, drains and stops; after this time it is aborted.
    Timeout(Duration),
    /// The same without a limit, for supervisors, whose children have their own. An actor with this
    /// setting is still monitored by its heartbeat while it drains.
    Infinity,
}

/// How one child of a supervisor is started, monitored and stopped. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use actix::prelude::*;
/// use actix_supervisor::{
///     ActorRef, Backoff, ChildSpec, Heartbeat, Intensity, Placement, Restart, Shutdown,
/// };
///
/// struct Indexer;
///
/// impl Actor for Indexer {
///     type Context = Context<Self>;
/// }
///
/// let indexer = ActorRef::new("indexer");
/// let spec = ChildSpec::actor(&indexer, || Indexer)
///     .restart(Restart::Transient)
///     .mailbox(1024)
///     .placement(Placement::OwnArbiter)
///     .heartbeat(Heartbeat::new(Duration::from_secs(1), 30))
///     .intensity(Intensity::new(5, Duration::from_secs(60)))
///     .backoff(Backoff { max: Duration::from_secs(10), ..Backoff::default() })
///     .shutdown(Shutdown::Timeout(Duration::from_secs(20)));
/// assert_eq!(spec.id().as_str(), "indexer");
/// ```
///
/// A factory that must finish asynchronous work before the actor is ready uses the [`Starter`]:
///
/// ```
/// use actix::prelude::*;
/// use actix_supervisor::{ActorRef, ChildSpec, Starter};
///
/// struct Database {
///     starter: Starter,
/// }
///
/// impl Actor for Database {
///     type Context = Context<Self>;
///
///     fn started(&mut self, ctx: &mut Context<Self>) {
///         let connect = async { Ok::<_, std::io::Error>(()) };
///         ctx.spawn(connect.into_actor(self).map(|outcome, actor, _| match outcome {
///             Ok(()) => actor.starter.ready(),
///             Err(error) => actor.starter.fail(error), // restarted with backoff
///         }));
///     }
/// }
///
/// let database = ActorRef::new("database");
/// let spec = ChildSpec::actor_with(&database, |starter| {
///     starter.defer(); // not ready before `starter.ready()`
///     Database { starter }
/// });
/// ```
#[derive(Clone)]
pub struct ChildSpec {
    pub(crate) launcher: Arc<dyn Launcher>,
    /// The names of all actors below this child.
    pub(crate) descendants: Arc<[ActorId]>,
    pub(crate) kind: ChildKind,
    pub(crate) run_options: RunOptions,
    pub(crate) policy: ChildPolicy,
}

/// What the supervisor bases its decisions on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChildPolicy {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) intensity: Intensity,
    pub(crate) backoff: Backoff,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) absorbs_escalations: bool,
}

// === impl ChildSpec ===

impl ChildSpec {
    /// Mailbox capacity unless [`mailbox`](Self::mailbox) says otherwise.
    pub const DEFAULT_MAILBOX: usize = 256;
    /// How long a child may take to become ready unless [`start_timeout`](Self::start_timeout) says
    /// otherwise.
    pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);
    /// How long a child may take to stop unless [`shutdown`](Self::shutdown) says otherwise.
    pub const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(5);

    /// A child that is created by `factory` for each incarnation and reached through `actor`;
    /// permanent, with all defaults. It is ready when `started()` has returned and every future
    /// passed to `ctx.wait` has completed.
    pub fn actor<A>(actor: &ActorRef<A>, factory: impl Fn() -> A + Send + Sync + 'static) -> Self
    where
        A: Actor<Context = Context<A>>,
    {
        Self::actor_with(actor, move |_| factory())
    }

    /// A child whose factory gets the [`Starter`] of the incarnation it creates: to defer
    /// readiness, to report an error, or to learn its number.
    pub fn actor_with<A>(actor: &ActorRef<A>, factory: impl Fn(Starter) -> A + Send + Sync + 'static) -> Self
    where
        A: Actor<Context = Context<A>>,
    {
        Self::new(ActorLauncher::new(actor, factory, None), ChildKind::Worker)
    }

    /// A child that gets [`Drain`] as its last message before an orderly stop.
    pub fn draining_actor<A>(
        actor: &ActorRef<A>,
        factory: impl Fn(Starter) -> A + Send + Sync + 'static,
    ) -> Self
    where
        A: Actor<Context = Context<A>> + Handler<Drain>,
    {
        Self::new(ActorLauncher::new(actor, factory, Some(drain::<A>)), ChildKind::Worker)
    }

    pub(crate) fn new(launcher: impl Launcher + 'static, kind: ChildKind) -> Self {
        Self {
            launcher: Arc::new(launcher),
            descendants: Arc::new([]),
            kind,
            run_options: RunOptions {
                placement: Placement::Same,
                mailbox_capacity: Self::DEFAULT_MAILBOX,
                heartbeat_interval: Heartbeat::default().interval,
            },
            policy: ChildPolicy {
                restart: Restart::Permanent,
                shutdown: Shutdown::Timeout(Self::DEFAULT_SHUTDOWN),
                start_timeout: Some(Self::DEFAULT_START_TIMEOUT),
                intensity: Intensity::default(),
                backoff: Backoff::default(),
                heartbeat: Some(Heartbeat::default()),
                absorbs_escalations: false,
            },
        }
    }

    /// The name of the child: that of its [`ActorRef`] or [`SupervisorSpec`](super::SupervisorSpec).
    pub fn id(&self) -> ActorId {
        self.actor_ref().id().clone()
    }

    /// When the child is restarted. Default: [`Restart::Permanent`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How it is stopped. Default: in an orderly way, within 5 seconds; a supervisor has no limit.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// The thread it runs on. Default: that of its supervisor.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.run_options.placement = placement;
        self
    }

    /// How many accepted messages may wait, at least 1. Default: 256.
    pub fn mailbox(mut self, capacity: usize) -> Self {
        self.run_options.mailbox_capacity = capacity.max(1);
        self
    }

    /// How long it may take to become ready. Default: 30 seconds; no limit for a supervisor.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.policy.start_timeout = Some(timeout);
        self
    }

    /// How often it may be restarted before its supervisor escalates. Default: 20 times in 10
    /// seconds.
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.policy.intensity = intensity;
        self
    }

    /// How long its supervisor waits before a restart. Default: 5 ms doubling to 250 ms, with
    /// jitter.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = backoff;
        self
    }

    /// When its silence counts as a hang. Default: a heartbeat a second, 5 missed.
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.run_options.heartbeat_interval = heartbeat.interval.max(Duration::from_millis(1));
        self.policy.heartbeat = Some(heartbeat);
        self
    }

    /// Disables hang detection, for actors that may `ctx.wait` for an unlimited time.
    pub fn no_heartbeat(mut self) -> Self {
        self.policy.heartbeat = None;
        self
    }

    /// For a nested supervisor: its escalation is an exit like any other and leads to a restart of
    /// the whole subtree within the intensity of this child, as in OTP. By default an escalation
    /// ends the tree.
    pub fn absorb_escalations(mut self) -> Self {
        self.policy.absorbs_escalations = true;
        self
    }

    /// The names of this child and of all actors below it.
    pub(crate) fn names(&self) -> impl Iterator<Item = ActorId> {
        std::iter::once(self.id()).chain(self.descendants.iter().cloned())
    }

    pub(crate) fn actor_ref(&self) -> Arc<dyn ErasedActorRef> {
        self.launcher.actor_ref()
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("id", &self.id())
            .field("kind", &self.kind)
            .field("run_options", &self.run_options)
            .field("policy", &self.policy)
            .finish()
    }
}

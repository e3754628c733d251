//! How one child is started, watched and stopped.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler};

use super::drain::{Drain, drain};
use super::launch::{ActorLaunch, Launch};
use super::registry::Port;
use super::supervisor::SupervisorSpec;
use super::tree::ChildKind;
use super::{ActorId, ActorRef, Backoff, Heartbeat, Intensity, Restart, Starter};

/// How a child is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Its task is aborted at once; what its mailbox holds is lost (and counted).
    Brutal,
    /// It handles what it has accepted, drains and stops; after this long it is aborted.
    Timeout(Duration),
    /// The same without a limit of its own, for supervisors, whose children have theirs.
    Infinity,
}

/// The thread a child runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Its supervisor's.
    #[default]
    Same,
    /// A new one for each incarnation, for actors that may block it.
    OwnArbiter,
}

/// How one child of a supervisor is started, watched and stopped. Cheap to clone.
#[derive(Clone)]
pub struct ChildSpec {
    pub(crate) launch: Arc<dyn Launch>,
    /// The names below this child, itself not included.
    descendants: Arc<[ActorId]>,
    pub(crate) kind: ChildKind,
    pub(crate) berth: Berth,
    pub(crate) policy: Policy,
}

/// Where an incarnation lives, and in how much room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Berth {
    pub(crate) placement: Placement,
    pub(crate) capacity: usize,
    pub(crate) beat: Duration,
}

/// What the supervisor decides by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
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
    /// Slots of a mailbox unless [`mailbox`](Self::mailbox) says otherwise.
    pub const DEFAULT_MAILBOX: usize = 256;
    /// How long a child may take to become ready unless [`start_timeout`](Self::start_timeout) says otherwise.
    pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);
    /// How long a child may take to stop unless [`shutdown`](Self::shutdown) says otherwise.
    pub const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(5);

    /// A child that `factory` makes anew for each incarnation, reached through `actor`; permanent, with all defaults.
    /// It is ready when `started()` has returned and whatever it put into `ctx.wait` is over.
    pub fn actor<A>(actor: &ActorRef<A>, factory: impl Fn() -> A + Send + Sync + 'static) -> Self
    where
        A: Actor<Context = Context<A>>,
    {
        Self::actor_with(actor, move |_| factory())
    }

    /// A child whose factory gets the [`Starter`] of the incarnation it makes: to defer readiness, to give up with
    /// an error, or to know its number.
    pub fn actor_with<A>(actor: &ActorRef<A>, factory: impl Fn(Starter) -> A + Send + Sync + 'static) -> Self
    where
        A: Actor<Context = Context<A>>,
    {
        Self::new(ActorLaunch::new(actor, factory, None), ChildKind::Worker)
    }

    /// A child that gets [`Drain`] as its last message before an orderly stop.
    pub fn draining_actor<A>(
        actor: &ActorRef<A>,
        factory: impl Fn(Starter) -> A + Send + Sync + 'static,
    ) -> Self
    where
        A: Actor<Context = Context<A>> + Handler<Drain>,
    {
        Self::new(ActorLaunch::new(actor, factory, Some(drain::<A>)), ChildKind::Worker)
    }

    /// A nested supervisor, named by its specification. It is ready when all its children are; it has no start
    /// timeout and no shutdown timeout of its own. Should it escalate, its parent escalates too, unless the child
    /// [absorbs escalations](Self::absorb_escalations).
    pub fn supervisor(spec: SupervisorSpec) -> Self {
        let descendants = spec.names().collect();
        let mut child = Self::new(spec.into_launch(), ChildKind::Supervisor);
        child.descendants = descendants;
        child.policy.start_timeout = None;
        child.policy.shutdown = Shutdown::Infinity;
        child
    }

    fn new(launch: impl Launch + 'static, kind: ChildKind) -> Self {
        Self {
            launch: Arc::new(launch),
            descendants: Arc::new([]),
            kind,
            berth: Berth {
                placement: Placement::Same,
                capacity: Self::DEFAULT_MAILBOX,
                beat: Heartbeat::default().interval,
            },
            policy: Policy {
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

    /// The name of the child: that of its [`ActorRef`] or [`SupervisorSpec`].
    pub fn id(&self) -> ActorId {
        self.port().id().clone()
    }

    /// When it is restarted. Default: [`Restart::Permanent`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How it is told to end. Default: 5 seconds to do so; no limit for a supervisor.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// The thread it runs on. Default: its supervisor's.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.berth.placement = placement;
        self
    }

    /// How many accepted messages may wait, at least 1. Default: 256.
    pub fn mailbox(mut self, capacity: usize) -> Self {
        self.berth.capacity = capacity.max(1);
        self
    }

    /// How long it may take to become ready. Default: 30 seconds; no limit for a supervisor.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.policy.start_timeout = Some(timeout);
        self
    }

    /// How often it may be restarted before its supervisor escalates. Default: 20 times in 10 seconds.
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.policy.intensity = intensity;
        self
    }

    /// How long its supervisor waits before a restart. Default: 5 ms doubling to 250 ms, with jitter.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = backoff;
        self
    }

    /// When its silence counts as death. Default: a beat a second, 5 missed.
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.berth.beat = heartbeat.interval.max(Duration::from_millis(1));
        self.policy.heartbeat = Some(heartbeat);
        self
    }

    /// Never takes its silence for death: for actors that `ctx.wait` for as long as it takes.
    pub fn no_heartbeat(mut self) -> Self {
        self.policy.heartbeat = None;
        self
    }

    /// For a nested supervisor: its escalation is an exit like any other, and answered by a restart of the whole
    /// subtree within the intensity of this child, as in OTP. By default it ends the tree.
    pub fn absorb_escalations(mut self) -> Self {
        self.policy.absorbs_escalations = true;
        self
    }

    /// The names of this child and of all below it.
    pub(crate) fn names(&self) -> impl Iterator<Item = ActorId> {
        std::iter::once(self.id()).chain(self.descendants.iter().cloned())
    }

    pub(crate) fn port(&self) -> Arc<dyn Port> {
        self.launch.port()
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("id", &self.id())
            .field("kind", &self.kind)
            .field("berth", &self.berth)
            .field("policy", &self.policy)
            .finish()
    }
}

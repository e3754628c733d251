//! The address that survives restarts.

pub(crate) mod mailbox;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, MutexGuard, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use self::mailbox::{Envelope, Mailbox, envelope};
use crate::queue::PushError;
use crate::registry::ErasedActorRef;
use crate::reply::Reply;
use crate::{ActorId, CallError, CastError, Stopped};

/// How long [`ActorRef::call`] waits for a reply.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two attempts of [`ActorRef::call_persistently`] at an actor that runs but refuses
/// the message.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The address of a supervised actor. It is created before the actor starts, stays valid across all
/// restarts, is cheap to clone and can be used from any thread.
///
/// Unlike an actix `Addr`, its mailbox has an exact bound, shared by all senders and all clones,
/// and no send fails silently. An actor that is running is called an *incarnation*; incarnations
/// are numbered from 1.
///
/// # Delivery
///
/// - Messages from one sender to one incarnation are handled in the order in which they were
///   accepted. Nothing is guaranteed about messages of different senders, or of one sender to two
///   incarnations.
/// - A message is handled at most once, except by [`call_persistently`](Self::call_persistently),
///   which sends it again after a failure.
/// - A caller that stops waiting before its message is handled withdraws it.
/// - A message carries the [`tracing`] span of its sender, and its handler runs in that span. A
///   handler that returns a future must attach the span itself, for instance with
///   `in_current_span`.
///
/// # Example
///
/// ```
/// use actix::prelude::*;
/// use actix_supervisor::{ActorRef, CallError, ChildSpec, Strategy, SupervisorSpec, start_root};
///
/// struct Counter(u64);
///
/// impl Actor for Counter {
///     type Context = Context<Self>;
/// }
///
/// #[derive(Message)]
/// #[rtype(result = "u64")]
/// struct Add(u64);
///
/// impl Handler<Add> for Counter {
///     type Result = u64;
///     fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 {
///         self.0 = self.0.checked_add(n).expect("no overflow");
///         self.0
///     }
/// }
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # std::panic::set_hook(Box::new(|_| {}));
/// let counter = ActorRef::new("counter");
/// let spec = SupervisorSpec::new("root", Strategy::OneForOne)
///     .child(ChildSpec::actor(&counter, || Counter(0)));
/// let root = start_root(spec)?;
///
/// assert_eq!(counter.ready().await?, 1); // the first incarnation
/// assert_eq!(counter.call(Add(5)).await?, 5);
///
/// // The handler panics; the same address then reaches the second incarnation.
/// assert_eq!(counter.call(Add(u64::MAX)).await, Err(CallError::Died));
/// counter.down(1).await;
/// assert_eq!(counter.ready().await?, 2);
/// assert_eq!(counter.call(Add(1)).await?, 1);
/// # root.shutdown(std::time::Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
pub struct ActorRef<A: Actor<Context = Context<A>>> {
    inner: Arc<ActorRefInner<A>>,
}

/// What all clones of an [`ActorRef`] and the supervisor share.
pub(crate) struct ActorRefInner<A: Actor<Context = Context<A>>> {
    id: ActorId,
    mailbox: ArcSwapOption<Mailbox<A>>,
    availability: watch::Sender<Availability>,
    incarnations: AtomicU64,
    lost_messages: AtomicU64,
    /// Held by an incarnation as long as it is alive: a successor waits for it, even one started by
    /// another supervisor that does not know the predecessor.
    alive_lock: Mutex<()>,
}

/// What senders can expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Availability {
    /// Not started yet, or between two incarnations.
    Down,
    /// This incarnation accepts messages.
    Up(u64),
    /// No supervisor will start it again.
    Stopped,
}

// === impl ActorRef ===

impl<A: Actor<Context = Context<A>>> ActorRef<A> {
    /// An address for the actor that a [`ChildSpec`](crate::ChildSpec) will start. Until then calls
    /// fail with [`CallError::Restarting`].
    pub fn new(id: impl Into<ActorId>) -> Self {
        let inner = ActorRefInner {
            id: id.into(),
            mailbox: ArcSwapOption::empty(),
            availability: watch::Sender::new(Availability::Down),
            incarnations: AtomicU64::new(0),
            lost_messages: AtomicU64::new(0),
            alive_lock: Mutex::new(()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The name of the actor.
    pub fn id(&self) -> &ActorId {
        &self.inner.id
    }

    /// The number of the running incarnation, counted from 1. `None` if there is none.
    pub fn incarnation(&self) -> Option<u64> {
        self.inner.mailbox.load().as_ref().map(|mailbox| mailbox.incarnation)
    }

    /// The number of accepted messages that wait to be handled.
    pub fn mailbox_depth(&self) -> usize {
        self.inner.mailbox_depth()
    }

    /// Sends a message and waits for its reply, up to [`DEFAULT_CALL_TIMEOUT`].
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call<M>(&self, message: M) -> Result<M::Result, CallError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.call_within(message, DEFAULT_CALL_TIMEOUT).await
    }

    /// Sends a message and waits for its reply, up to `limit`. If the mailbox is full, the caller
    /// first waits for a free slot, within the same limit.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call_within<M>(&self, message: M, limit: Duration) -> Result<M::Result, CallError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let (reply_to, receiver) = oneshot::channel();
        let Some(unsent) = self.try_enqueue(envelope(message, Some(reply_to)))? else {
            return Reply::new(receiver, limit).await;
        };
        let deadline = Instant::now() + limit;
        self.enqueue_before(unsent, deadline).await?;
        Reply::new(receiver, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Calls until there is a reply: waits for restarts and free slots, and sends again after a
    /// failure, so the message may be handled more than once. `limit` bounds all attempts together.
    ///
    /// # Errors
    /// [`CallError::TimedOut`] at the limit, [`CallError::Stopped`] if the actor has stopped for
    /// good.
    pub async fn call_persistently<M>(&self, message: M, limit: Duration) -> Result<M::Result, CallError>
    where
        A: Handler<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        let attempts = async {
            loop {
                self.ready().await?;
                match self.call_within(message.clone(), limit).await {
                    Err(error) if error.is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
                    outcome => return outcome,
                }
            }
        };
        timeout(limit, attempts).await.unwrap_or(Err(CallError::TimedOut))
    }

    /// Sends a message without waiting. `Ok` means that the running incarnation accepted it; if
    /// that incarnation ends first, the message is lost, and counted as lost in the tree and in the
    /// log line of the restart.
    ///
    /// # Errors
    /// See [`CastError`]; the message then had no effect.
    pub fn cast<M>(&self, message: M) -> Result<(), CastError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.try_enqueue(envelope(message, None))? {
            None => Ok(()),
            Some(_) => Err(CastError::Full),
        }
    }

    /// Sends a message as soon as there is a running incarnation with a free slot, waiting up to
    /// `limit`.
    ///
    /// # Errors
    /// What kept the message out when the limit was reached; [`CastError::Stopped`] at once.
    pub async fn cast_within<M>(&self, message: M, limit: Duration) -> Result<(), CastError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let deadline = Instant::now() + limit;
        let mut unsent = envelope(message, None);
        loop {
            match timeout_at(deadline, self.ready()).await {
                Ok(Ok(_)) => {}
                Ok(Err(Stopped)) => return Err(CastError::Stopped),
                Err(_) => return Err(CastError::Restarting),
            }
            let Some(mailbox) = self.inner.mailbox.load_full() else {
                continue;
            };
            match timeout_at(deadline, mailbox.messages.push(unsent)).await {
                Ok(Ok(())) => return Ok(()),
                // The incarnation ended during the wait; the next one may accept the message.
                Ok(Err(rejected)) => unsent = rejected,
                Err(_) => return Err(CastError::Full),
            }
            self.inner.close(mailbox.incarnation);
        }
    }

    /// Waits until an incarnation is running and returns its number.
    ///
    /// # Errors
    /// [`Stopped`] if the actor has stopped for good.
    pub async fn ready(&self) -> Result<u64, Stopped> {
        let mut availability = self.inner.availability.subscribe();
        let reached = availability.wait_for(|availability| *availability != Availability::Down).await;
        match reached.map(|availability| *availability) {
            Ok(Availability::Up(incarnation)) => Ok(incarnation),
            _ => Err(Stopped),
        }
    }

    /// Waits until the incarnation with this number no longer runs.
    pub async fn down(&self, incarnation: u64) {
        let mut availability = self.inner.availability.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = availability.wait_for(|now| !matches!(now, Availability::Up(up) if *up <= incarnation)).await;
    }

    /// Hands an envelope to the running incarnation; returns it if there is no free slot.
    fn try_enqueue(&self, envelope: Envelope<A>) -> Result<Option<Envelope<A>>, CastError> {
        let mailbox = self.inner.mailbox.load();
        let Some(mailbox) = mailbox.as_ref() else {
            return Err(self.inner.unavailable_error());
        };
        match mailbox.messages.try_push(envelope) {
            Ok(()) => Ok(None),
            Err(PushError::Full(envelope)) => Ok(Some(envelope)),
            Err(PushError::Closed(_)) => Err(CastError::Restarting),
        }
    }

    /// Waits for a slot in the mailbox of the running incarnation.
    async fn enqueue_before(&self, envelope: Envelope<A>, deadline: Instant) -> Result<(), CallError> {
        let Some(mailbox) = self.inner.mailbox.load_full() else {
            return Err(self.inner.unavailable_error().into());
        };
        match timeout_at(deadline, mailbox.messages.push(envelope)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(CallError::Restarting),
            Err(_) => Err(CallError::Full),
        }
    }

    pub(crate) fn inner(&self) -> &Arc<ActorRefInner<A>> {
        &self.inner
    }
}

impl<A: Actor<Context = Context<A>>> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<A: Actor<Context = Context<A>>> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorRef").field("id", self.id()).field("incarnation", &self.incarnation()).finish()
    }
}

// === impl ActorRefInner ===

impl<A: Actor<Context = Context<A>>> ActorRefInner<A> {
    /// The number of a new incarnation. No number is used twice, whichever supervisor starts the
    /// incarnation.
    pub(crate) fn next_incarnation(&self) -> u64 {
        self.incarnations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits until no other incarnation is alive.
    pub(crate) async fn lock_alive(&self) -> MutexGuard<'_, ()> {
        self.alive_lock.lock().await
    }

    /// Makes this incarnation the one that receives messages.
    pub(crate) fn open(&self, mailbox: Arc<Mailbox<A>>) {
        let incarnation = mailbox.incarnation;
        self.mailbox.store(Some(mailbox));
        self.availability.send_replace(Availability::Up(incarnation));
    }

    /// Rejects further messages if this incarnation is the one that receives them.
    pub(crate) fn close(&self, incarnation: u64) {
        self.availability.send_if_modified(|availability| {
            let current = *availability == Availability::Up(incarnation);
            if current {
                self.mailbox.store(None);
                *availability = Availability::Down;
            }
            current
        });
    }

    /// Counts accepted messages that were lost with their incarnation.
    pub(crate) fn count_lost(&self, messages: u64) {
        self.lost_messages.fetch_add(messages, Ordering::Relaxed);
    }

    fn unavailable_error(&self) -> CastError {
        match *self.availability.borrow() {
            Availability::Stopped => CastError::Stopped,
            _ => CastError::Restarting,
        }
    }
}

impl<A: Actor<Context = Context<A>>> ErasedActorRef for ActorRefInner<A> {
    fn id(&self) -> &ActorId {
        &self.id
    }

    fn mailbox_depth(&self) -> usize {
        let mailbox = self.mailbox.load();
        mailbox.as_ref().map_or(0, |mailbox| mailbox.messages.len())
    }

    fn lost_messages(&self) -> u64 {
        self.lost_messages.load(Ordering::Relaxed)
    }

    #[cfg(feature = "fault-injection")]
    fn inject(&self, fault: crate::Fault) -> bool {
        use self::mailbox::ControlSignal;
        let mailbox = self.mailbox.load();
        mailbox.as_ref().is_some_and(|mailbox| mailbox.control.send(ControlSignal::Inject(fault)).is_ok())
    }

    fn mark_expected(&self) {
        self.availability.send_if_modified(|availability| {
            let stopped = *availability == Availability::Stopped;
            if stopped {
                *availability = Availability::Down;
            }
            stopped
        });
    }

    fn mark_stopped(&self) {
        self.mailbox.store(None);
        self.availability.send_replace(Availability::Stopped);
    }
}

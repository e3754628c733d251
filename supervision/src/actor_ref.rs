//! The address that survives restarts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, MutexGuard, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Answer;
use super::mailbox::{Envelope, Mailbox, Order, envelope};
use super::queue::Refused;
use super::registry::Port;
use super::{ActorId, CallError, CastError, Fault, Stopped};

/// How long [`ActorRef::call`] waits for an answer.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two attempts of [`ActorRef::call_persistently`] at an actor that is alive but refuses.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Address of a supervised actor: made before the actor starts, valid over all its restarts, cheap to clone and
/// usable from any thread.
///
/// Unlike actix' `Addr`, its mailbox is truly bounded, whoever sends and however many clones there are, and no send
/// fails silently.
pub struct ActorRef<A: Actor<Context = Context<A>>> {
    shared: Arc<Shared<A>>,
}

/// What all clones of an [`ActorRef`] and the supervisor share.
pub(crate) struct Shared<A: Actor<Context = Context<A>>> {
    id: ActorId,
    mailbox: ArcSwapOption<Mailbox<A>>,
    phase: watch::Sender<Phase>,
    incarnations: AtomicU64,
    lost: AtomicU64,
    /// Held by an incarnation while it lives: a successor waits for it, even one started by another supervisor that
    /// knows nothing of the predecessor.
    seat: Mutex<()>,
}

/// What senders may expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not started yet, or between two incarnations.
    Down,
    /// This incarnation accepts messages.
    Up(u64),
    /// Nobody intends to start it again.
    Gone,
}

// === impl ActorRef ===

impl<A: Actor<Context = Context<A>>> ActorRef<A> {
    /// An address for the actor that a [`ChildSpec`](super::ChildSpec) will start. Until then calls fail with
    /// [`CallError::Restarting`].
    pub fn new(id: impl Into<ActorId>) -> Self {
        let shared = Shared {
            id: id.into(),
            mailbox: ArcSwapOption::empty(),
            phase: watch::Sender::new(Phase::Down),
            incarnations: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            seat: Mutex::new(()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The name of the actor.
    pub fn id(&self) -> &ActorId {
        &self.shared.id
    }

    /// The number of the living incarnation, counted from 1, if there is one.
    pub fn incarnation(&self) -> Option<u64> {
        self.shared.mailbox.load().as_ref().map(|mailbox| mailbox.incarnation)
    }

    /// How many accepted messages wait to be handled.
    pub fn mailbox_depth(&self) -> usize {
        self.shared.depth()
    }

    /// Sends a message and waits for its answer, up to [`DEFAULT_CALL_TIMEOUT`].
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

    /// Sends a message and waits for its answer, up to `limit`. A full mailbox makes the caller wait for a slot
    /// first, within the same limit. A caller that stops waiting before its message is handled takes it back.
    ///
    /// # Errors
    /// See [`CallError`]. Messages between one caller and one incarnation keep their order.
    pub async fn call_within<M>(&self, message: M, limit: Duration) -> Result<M::Result, CallError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let (reply, answer) = oneshot::channel();
        let Some(unsent) = self.offer(envelope(message, Some(reply)))? else {
            return Answer::new(answer, limit).await;
        };
        let deadline = Instant::now() + limit;
        self.queue_up(unsent, deadline).await?;
        Answer::new(answer, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Calls until there is an answer: waits for restarts and free slots, and sends again after a death, so the
    /// message may be handled more than once. `limit` bounds all attempts together.
    ///
    /// # Errors
    /// [`CallError::TimedOut`] at the limit, [`CallError::Stopped`] if the actor has stopped for good.
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

    /// Sends a message without waiting for anything. `Ok` means that the living incarnation accepted it; should
    /// that incarnation die first, the message is lost, and counted as lost in the tree and the restart report.
    ///
    /// # Errors
    /// See [`CastError`]; the message then had no effect.
    pub fn cast<M>(&self, message: M) -> Result<(), CastError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.offer(envelope(message, None))? {
            None => Ok(()),
            Some(_) => Err(CastError::Full),
        }
    }

    /// Sends a message as soon as there is a living incarnation with a free slot, waiting up to `limit`.
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
            let Some(mailbox) = self.shared.mailbox.load_full() else {
                continue;
            };
            match timeout_at(deadline, mailbox.messages.push_patiently(unsent)).await {
                Ok(Ok(())) => return Ok(()),
                // The incarnation died while we waited; the next one may take it.
                Ok(Err(back)) => unsent = back,
                Err(_) => return Err(CastError::Full),
            }
            self.shared.close(mailbox.incarnation);
        }
    }

    /// Waits until there is a living incarnation and gives its number.
    ///
    /// # Errors
    /// [`Stopped`] if the actor has stopped for good.
    pub async fn ready(&self) -> Result<u64, Stopped> {
        let mut phase = self.shared.phase.subscribe();
        let reached = phase.wait_for(|phase| *phase != Phase::Down).await.map(|phase| *phase);
        match reached {
            Ok(Phase::Up(incarnation)) => Ok(incarnation),
            _ => Err(Stopped),
        }
    }

    /// Waits until the incarnation with this number lives no more.
    pub async fn down(&self, incarnation: u64) {
        let mut phase = self.shared.phase.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = phase.wait_for(|phase| !matches!(phase, Phase::Up(up) if *up <= incarnation)).await;
    }

    /// Hands an envelope to the living incarnation; gives it back if there is no free slot.
    fn offer(&self, envelope: Envelope<A>) -> Result<Option<Envelope<A>>, CastError> {
        let mailbox = self.shared.mailbox.load();
        let Some(mailbox) = mailbox.as_ref() else {
            return Err(self.shared.absence());
        };
        match mailbox.messages.push(envelope) {
            Ok(()) => Ok(None),
            Err(Refused::Full(envelope)) => Ok(Some(envelope)),
            Err(Refused::Closed(_)) => Err(CastError::Restarting),
        }
    }

    /// Waits for a slot in the mailbox of the living incarnation.
    async fn queue_up(&self, envelope: Envelope<A>, deadline: Instant) -> Result<(), CallError> {
        let Some(mailbox) = self.shared.mailbox.load_full() else {
            return Err(self.shared.absence().into());
        };
        match timeout_at(deadline, mailbox.messages.push_patiently(envelope)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(CallError::Restarting),
            Err(_) => Err(CallError::Full),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<A>> {
        &self.shared
    }
}

impl<A: Actor<Context = Context<A>>> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<A: Actor<Context = Context<A>>> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorRef").field("id", self.id()).field("incarnation", &self.incarnation()).finish()
    }
}

// === impl Shared ===

impl<A: Actor<Context = Context<A>>> Shared<A> {
    /// The number of a new incarnation; never given twice, whichever supervisor starts it.
    pub(crate) fn next_incarnation(&self) -> u64 {
        self.incarnations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits until no other incarnation lives.
    pub(crate) async fn take_seat(&self) -> MutexGuard<'_, ()> {
        self.seat.lock().await
    }

    /// Lets senders into this incarnation.
    pub(crate) fn open(&self, mailbox: Arc<Mailbox<A>>) {
        let incarnation = mailbox.incarnation;
        self.mailbox.store(Some(mailbox));
        self.phase.send_replace(Phase::Up(incarnation));
    }

    /// Turns senders away, if this incarnation is the one they reach.
    pub(crate) fn close(&self, incarnation: u64) {
        self.phase.send_if_modified(|phase| {
            let current = *phase == Phase::Up(incarnation);
            if current {
                self.mailbox.store(None);
                *phase = Phase::Down;
            }
            current
        });
    }

    /// Counts accepted messages that died with their incarnation.
    pub(crate) fn count_lost(&self, messages: u64) {
        self.lost.fetch_add(messages, Ordering::Relaxed);
    }

    fn absence(&self) -> CastError {
        match *self.phase.borrow() {
            Phase::Gone => CastError::Stopped,
            _ => CastError::Restarting,
        }
    }
}

impl<A: Actor<Context = Context<A>>> Port for Shared<A> {
    fn id(&self) -> &ActorId {
        &self.id
    }

    fn depth(&self) -> usize {
        let mailbox = self.mailbox.load();
        mailbox.as_ref().map_or(0, |mailbox| mailbox.messages.depth())
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn inject(&self, fault: Fault) -> bool {
        let mailbox = self.mailbox.load();
        mailbox.as_ref().is_some_and(|mailbox| mailbox.orders.send(Order::Break(fault)).is_ok())
    }

    fn expect(&self) {
        self.phase.send_if_modified(|phase| {
            let gone = *phase == Phase::Gone;
            if gone {
                *phase = Phase::Down;
            }
            gone
        });
    }

    fn retire(&self) {
        self.mailbox.store(None);
        self.phase.send_replace(Phase::Gone);
    }
}

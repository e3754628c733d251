//! The bounded mailbox of one incarnation.

use std::any::type_name;
use std::sync::Arc;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Context, Handler, Message};
use tokio::sync::mpsc;
use tracing::{Level, Span};

use super::ActorRefInner;
use crate::queue::Queue;

/// One message with everything needed to handle it.
pub(crate) type Envelope<A> = Box<dyn FnOnce(&mut A, &mut Context<A>) + Send>;

/// A signal to an incarnation that bypasses its mailbox.
pub(crate) enum ControlSignal {
    /// Accept no more messages, handle the accepted ones, drain, stop.
    Stop,
    /// Inject a fault.
    #[cfg(feature = "fault-injection")]
    Inject(crate::Fault),
}

/// The sending side of the mailbox of one incarnation.
pub(crate) struct Mailbox<A: Actor<Context = Context<A>>> {
    pub(crate) incarnation: u64,
    pub(crate) messages: Arc<Queue<Envelope<A>>>,
    pub(crate) control: mpsc::UnboundedSender<ControlSignal>,
}

/// How a supervisor controls an incarnation, whatever the type of its actor.
pub(crate) trait IncarnationControl: Send {
    /// Lets messages in.
    fn open(&self);
    /// Rejects further messages.
    fn close(&self);
    /// Asks the incarnation to stop in an orderly way.
    fn stop(&self);
}

/// The [`IncarnationControl`] of an incarnation of `A`.
pub(crate) struct MailboxControl<A: Actor<Context = Context<A>>> {
    pub(crate) actor: Arc<ActorRefInner<A>>,
    pub(crate) mailbox: Arc<Mailbox<A>>,
}

// === impl MailboxControl ===

impl<A: Actor<Context = Context<A>>> IncarnationControl for MailboxControl<A> {
    fn open(&self) {
        self.actor.open(self.mailbox.clone());
    }

    fn close(&self) {
        self.actor.close(self.mailbox.incarnation);
    }

    fn stop(&self) {
        // A closed channel means that the incarnation has ended already.
        let _ = self.mailbox.control.send(ControlSignal::Stop);
    }
}

/// Packs a message for `A`, with the channel for its reply and the span of its sender.
pub(crate) fn envelope<A, M>(message: M, reply_to: Option<OneshotSender<M::Result>>) -> Envelope<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    // Without a subscriber for spans, which costs nothing to find out, the envelope need not carry
    // one.
    if !tracing::span_enabled!(Level::INFO) {
        return Box::new(move |actor, ctx| handle(message, reply_to, actor, ctx));
    }
    let sender = Span::current();
    Box::new(move |actor, ctx| {
        let _entered = handler_span::<A, M>(sender).entered();
        handle(message, reply_to, actor, ctx);
    })
}

fn handle<A, M>(message: M, reply_to: Option<OneshotSender<M::Result>>, actor: &mut A, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message,
{
    // If the caller has stopped waiting, its message is withdrawn.
    if reply_to.as_ref().is_none_or(|reply_to| !reply_to.is_closed()) {
        <A as Handler<M>>::handle(actor, message, ctx).handle(ctx, reply_to);
    }
}

/// The span in which a message is handled: that of its sender or, if the debug level is enabled, a
/// child of it.
fn handler_span<A, M>(sender: Span) -> Span {
    if sender.is_none() {
        return sender;
    }
    let (actor, message) = (type_name::<A>(), type_name::<M>());
    let detail = tracing::debug_span!(parent: &sender, "message", actor, message);
    if detail.is_disabled() { sender } else { detail }
}

/// Makes an actor fail from inside.
#[cfg(feature = "fault-injection")]
pub(crate) fn inject_fault<A: Actor<Context = Context<A>>>(fault: crate::Fault, ctx: &mut Context<A>) {
    use actix::{ActorContext, AsyncContext};

    use crate::Fault;
    match fault {
        Fault::Panic => panic!("injected fault"),
        Fault::Hang => ctx.wait(actix::fut::wrap_future(std::future::pending::<()>())),
        Fault::Stop => ctx.stop(),
    }
}

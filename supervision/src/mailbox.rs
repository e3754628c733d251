//! The bounded way into one incarnation.

use std::any::type_name;
use std::sync::Arc;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message};
use tokio::sync::mpsc;
use tracing::{Level, Span};

use super::Fault;
use super::actor_ref::Shared;
use super::queue::Queue;

/// One message with everything needed to handle it.
pub(crate) type Envelope<A> = Box<dyn FnOnce(&mut A, &mut Context<A>) + Send>;

/// What the supervisor and the fault injection tell an incarnation, past its mailbox.
pub(crate) enum Order {
    /// Accept nothing more, handle what was accepted, drain, stop.
    Finish,
    /// Break.
    Break(Fault),
}

/// The sending side of one incarnation's mailbox.
pub(crate) struct Mailbox<A: Actor<Context = Context<A>>> {
    pub(crate) incarnation: u64,
    pub(crate) messages: Arc<Queue<Envelope<A>>>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
}

/// What a supervisor holds of a child's incarnation, whatever its type.
pub(crate) trait Line: Send {
    /// Lets senders in.
    fn open(&self);
    /// Turns senders away.
    fn close(&self);
    /// Asks the incarnation to finish.
    fn finish(&self);
}

/// The [`Line`] to an incarnation of `A`.
pub(crate) struct MailboxLine<A: Actor<Context = Context<A>>> {
    pub(crate) shared: Arc<Shared<A>>,
    pub(crate) mailbox: Arc<Mailbox<A>>,
}

// === impl MailboxLine ===

impl<A: Actor<Context = Context<A>>> Line for MailboxLine<A> {
    fn open(&self) {
        self.shared.open(self.mailbox.clone());
    }

    fn close(&self) {
        self.shared.close(self.mailbox.incarnation);
    }

    fn finish(&self) {
        // A closed channel means the incarnation is gone already, which is what was asked for.
        let _ = self.mailbox.orders.send(Order::Finish);
    }
}

/// Packs a message, where its answer goes, and the span of who sends it, for `A`.
pub(crate) fn envelope<A, M>(message: M, reply: Option<OneshotSender<M::Result>>) -> Envelope<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    // Where nobody listens to spans, which is known without asking, a message is smaller by one and as cheap as before.
    if !tracing::span_enabled!(Level::INFO) {
        return Box::new(move |actor, ctx| handle(message, reply, actor, ctx));
    }
    let sender = Span::current();
    Box::new(move |actor, ctx| {
        let _entered = handling::<A, M>(sender).entered();
        handle(message, reply, actor, ctx);
    })
}

fn handle<A, M>(message: M, reply: Option<OneshotSender<M::Result>>, actor: &mut A, ctx: &mut Context<A>)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message,
{
    // A caller that went away needs no answer, and its message no handling.
    if reply.as_ref().is_none_or(|reply| !reply.is_closed()) {
        <A as Handler<M>>::handle(actor, message, ctx).handle(ctx, reply);
    }
}

/// The span in which a message is handled: its sender's, or where somebody wants to know every detail, one below that.
fn handling<A, M>(sender: Span) -> Span {
    if sender.is_none() {
        return sender;
    }
    let (actor, message) = (type_name::<A>(), type_name::<M>());
    let detail = tracing::debug_span!(parent: &sender, "message", actor, message);
    if detail.is_disabled() { sender } else { detail }
}

/// Breaks an actor from inside.
pub(crate) fn break_actor<A: Actor<Context = Context<A>>>(fault: Fault, ctx: &mut Context<A>) {
    match fault {
        Fault::Panic => panic!("injected fault"),
        Fault::Hang => ctx.wait(actix::fut::wrap_future(std::future::pending::<()>())),
        Fault::Stop => ctx.stop(),
    }
}

//! The last message of an orderly end.

use actix::dev::MessageResponse;
use actix::{Actor, Context, Handler, Message};
use tokio::sync::oneshot;

/// Last message to an actor that is told to stop, after all it had accepted: "finish what must be finished". The
/// actor is stopped when it has answered; its shutdown timeout bounds that. Sent to actors specified with
/// [`ChildSpec::draining_actor`](super::ChildSpec::draining_actor).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain;

impl Message for Drain {
    type Result = ();
}

/// Drains an actor that knows [`Drain`].
pub(crate) fn drain<A>(actor: &mut A, ctx: &mut Context<A>, done: oneshot::Sender<()>)
where
    A: Actor<Context = Context<A>> + Handler<Drain>,
{
    <A as Handler<Drain>>::handle(actor, Drain, ctx).handle(ctx, Some(done));
}

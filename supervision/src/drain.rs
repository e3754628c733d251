//! The last message before an orderly stop.

use actix::dev::MessageResponse;
use actix::{Actor, Context, Handler, Message};
use tokio::sync::oneshot;

/// The last message to an actor that is being stopped, after all messages it had accepted: finish
/// what must be finished. The actor is stopped when it has replied; its shutdown timeout bounds
/// that. Sent to actors specified with
/// [`ChildSpec::draining_actor`](super::ChildSpec::draining_actor), and only by an orderly stop:
/// after a panic or an abort there is no drain.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use actix::prelude::*;
/// use actix_supervisor::{ActorRef, ChildSpec, Drain, Strategy, SupervisorSpec, start_root};
///
/// struct Writer {
///     buffer: Vec<u32>,
///     disk: Arc<Mutex<Vec<u32>>>,
/// }
///
/// impl Actor for Writer {
///     type Context = Context<Self>;
/// }
///
/// #[derive(Message)]
/// #[rtype(result = "()")]
/// struct Write(u32);
///
/// impl Handler<Write> for Writer {
///     type Result = ();
///     fn handle(&mut self, Write(n): Write, _: &mut Context<Self>) {
///         self.buffer.push(n);
///     }
/// }
///
/// impl Handler<Drain> for Writer {
///     type Result = ();
///     fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
///         self.disk.lock().unwrap().append(&mut self.buffer);
///     }
/// }
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let disk = Arc::new(Mutex::new(Vec::new()));
/// let writer = ActorRef::new("writer");
/// let child = ChildSpec::draining_actor(&writer, {
///     let disk = disk.clone();
///     move |_starter| Writer { buffer: Vec::new(), disk: disk.clone() }
/// });
/// let root = start_root(SupervisorSpec::new("root", Strategy::OneForOne).child(child))?;
/// writer.ready().await?;
/// writer.cast(Write(1))?;
/// writer.cast(Write(2))?;
/// root.shutdown(std::time::Duration::from_secs(1)).await;
/// assert_eq!(*disk.lock().unwrap(), [1, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain;

impl Message for Drain {
    type Result = ();
}

/// Sends [`Drain`] to an actor that handles it; `done` is resolved or dropped when it has replied.
pub(crate) fn drain<A>(actor: &mut A, ctx: &mut Context<A>, done: oneshot::Sender<()>)
where
    A: Actor<Context = Context<A>> + Handler<Drain>,
{
    <A as Handler<Drain>>::handle(actor, Drain, ctx).handle(ctx, Some(done));
}

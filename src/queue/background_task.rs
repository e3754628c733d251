//! An actor that runs a future as long as it lives.

use std::sync::Arc;

use actix::prelude::*;
use futures::future::BoxFuture;

/// Creates the future; called for each incarnation of the actor.
pub type TaskFactory = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Runs a future that is not expected to end, such as maintaining a connection. After a panic the
/// supervisor restarts it; when the actor stops, the future is dropped.
pub struct BackgroundTask {
    factory: TaskFactory,
}

impl BackgroundTask {
    pub fn new(factory: TaskFactory) -> Self {
        BackgroundTask { factory }
    }
}

impl Actor for BackgroundTask {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let task = (self.factory)();
        ctx.spawn(task.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

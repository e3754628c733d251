//! An actor that does one thing for ever.

use std::sync::Arc;

use actix::prelude::*;
use futures::future::BoxFuture;

/// Makes the future that is kept going; called for every incarnation.
pub type TaskFactory = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Keeps a future going: a connection, or the work on a backlog. When it panics, its supervisor makes a new one; when
/// the actor stops, the future is dropped where it stands.
pub struct BackgroundTask {
    errand: TaskFactory,
}

impl BackgroundTask {
    /// An actor that begins when it starts.
    pub fn new(errand: TaskFactory) -> Self {
        BackgroundTask { errand }
    }
}

impl Actor for BackgroundTask {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let errand = (self.errand)();
        ctx.spawn(errand.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

//! The actor that keeps this replica's copy of the pauses current.

use std::time::Duration;

use actix::prelude::*;

use super::PauseRegistry;

/// How often the shared state is checked for pauses that other replicas started or ended.
const PERIOD: Duration = Duration::from_secs(1);

/// Refreshes the pauses once a second. It has no state of its own: the last copy stays available
/// while it is restarted.
pub struct MaintenanceActor {
    pauses: PauseRegistry,
}

impl MaintenanceActor {
    /// An actor that refreshes the registry when it starts.
    pub fn new(pauses: PauseRegistry) -> Self {
        MaintenanceActor { pauses }
    }

    fn refresh(&mut self, ctx: &mut Context<Self>) {
        let pauses = self.pauses.clone();
        let refresh = async move { pauses.refresh().await };
        ctx.spawn(refresh.into_actor(self).map(|refreshed, _, ctx| {
            if let Err(error) = refreshed {
                tracing::debug!(%error, "the pauses cannot be read; the last known ones stay in effect");
            }
            ctx.run_later(PERIOD, |actor, ctx| actor.refresh(ctx));
        }));
    }
}

impl Actor for MaintenanceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.refresh(ctx);
    }
}

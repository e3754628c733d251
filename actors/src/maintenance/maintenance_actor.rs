//! The actor that keeps what is known of the pauses fresh.

use std::time::Duration;

use actix::prelude::*;

use super::PauseRegistry;

/// How often it looks whether something was paused, or goes on, at the word of another replica.
const PERIOD: Duration = Duration::from_secs(1);

/// What the maintenance actor is made of.
#[derive(Clone, Debug)]
pub struct MaintenanceSettings {
    /// Where pauses are kept and shown.
    pub register: PauseRegistry,
}

/// Looks once a second. It keeps nothing: what it saw last stays shown while it is restarted.
pub struct MaintenanceActor {
    settings: MaintenanceSettings,
}

impl MaintenanceActor {
    /// An actor that begins to look when it starts.
    pub fn new(settings: MaintenanceSettings) -> Self {
        MaintenanceActor { settings }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let register = self.settings.register.clone();
        let looked = async move { register.refresh().await };
        ctx.spawn(looked.into_actor(self).map(|looked, _, ctx| {
            if let Err(error) = looked {
                tracing::debug!(%error, "the pauses cannot be read; those known last count");
            }
            ctx.run_later(PERIOD, |actor, ctx| actor.look(ctx));
        }));
    }
}

impl Actor for MaintenanceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

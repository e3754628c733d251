//! The actor that runs for leadership and publishes the outcome.

use actix::prelude::*;
use tokio::time::Instant;

use super::attempt_outcome::{AttemptOutcome, role_after};
use super::{Campaign, RoleView, SchedulingAuthority, Shard};

/// Runs for the leadership of one shard every period, and at once when the elector reports a
/// change.
///
/// A new incarnation takes over the published role: a leadership that has not expired continues
/// under its epoch.
pub struct RoleActor {
    campaign: Campaign,
    /// The attempt in progress, or the wait for the next one.
    step: Option<SpawnHandle>,
}

impl RoleActor {
    /// An actor that makes its first attempt when it starts.
    pub fn new(campaign: Campaign) -> Self {
        RoleActor { campaign, step: None }
    }

    fn attempt(&mut self, ctx: &mut Context<Self>) {
        if self.campaign.watch().has_resigned() {
            return;
        }
        let campaign = self.campaign.clone();
        if campaign.should_yield() {
            let give_up = async move { campaign.give_up().await };
            let step = ctx.spawn(give_up.into_actor(self).map(|(), actor, ctx| actor.attempt_later(ctx)));
            self.step = Some(step);
            return;
        }
        let attempt = async move { campaign.attempt().await };
        let step = ctx.spawn(attempt.into_actor(self).map(|outcome, actor, ctx| {
            actor.publish(outcome);
            actor.attempt_later(ctx);
        }));
        self.step = Some(step);
    }

    fn attempt_later(&mut self, ctx: &mut Context<Self>) {
        let campaign = self.campaign.clone();
        let wait = async move { campaign.wait().await };
        self.step = Some(ctx.spawn(wait.into_actor(self).map(|(), actor, ctx| actor.attempt(ctx))));
    }

    fn publish(&self, outcome: AttemptOutcome) {
        let watch = self.campaign.watch();
        if watch.has_resigned() {
            return;
        }
        let (before, now) = (watch.get(), Instant::now());
        let after = role_after(&before, outcome, self.campaign.renew_deadline, now);
        log_change(self.campaign.shard, &before, &after, now);
        watch.set(after);
    }
}

fn log_change(shard: Shard, before: &RoleView, after: &RoleView, now: Instant) {
    let (backend, reason) = (after.basis.backend, after.basis.reason.as_str());
    if (before.role, before.epoch) != (after.role, after.epoch) {
        let epoch = after.epoch.map(|epoch| epoch.0);
        let shard = (shard.count() > 1).then(|| tracing::field::display(shard));
        tracing::info!(role = after.role.as_str(), shard, epoch, backend, reason, "the role changed");
    }
    if before.basis != after.basis && after.basis.degraded {
        tracing::warn!(backend, reason, "leadership is decided by a fallback");
    }
    if after.authority(now) == Some(SchedulingAuthority::Outage) && !before.leads_without_election {
        tracing::warn!(
            "no election is possible and the shared store is unreachable: this replica goes on collecting into its local store"
        );
    }
    if let Some(error) = after.last_error.as_ref().filter(|_| before.last_error != after.last_error) {
        tracing::warn!(error, backend, "the election failed; it will be tried again");
    }
}

impl Actor for RoleActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.attempt(ctx);
    }
}

// === Resign ===

/// Gives leadership up for good; answered when the elector has released it.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Resign;

impl Handler<Resign> for RoleActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Resign, ctx: &mut Self::Context) -> Self::Result {
        self.campaign.watch().resign();
        // An attempt in progress could acquire again what is being released.
        if let Some(step) = self.step.take() {
            ctx.cancel_future(step);
        }
        let elector = self.campaign.elector.clone();
        Box::pin(async move { elector.resign().await })
    }
}

#[cfg(test)]
mod tests;

//! The actor that stands for election and tells everybody the outcome.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::{Instant, sleep, timeout};

use super::attempt_outcome::{AttemptOutcome, ObservedEpoch, role_after};
use super::{
    ElectionError, ElectionStatus, Elector, EpochIssuer, RoleView, RoleWatch, Roles, SchedulingAuthority,
    Shard,
};
use crate::store::StoreState;
use actix_supervisor::Observable;

/// What a role actor is made of.
#[derive(Clone)]
pub struct RoleSettings {
    /// What is led.
    pub shard: Shard,
    /// How leadership is decided.
    pub elector: Arc<dyn Elector>,
    /// Who numbers leaderships.
    pub epochs: Arc<dyn EpochIssuer>,
    /// How often leadership is tried for or renewed.
    pub retry_period: Duration,
    /// How long an attempt may take, and a leadership last without renewal.
    pub renew_deadline: Duration,
    /// Tells whether the store that replicas share is away.
    pub store: Observable<StoreState>,
    /// Where the outcome goes, among the roles in other shards.
    pub roles: Roles,
}

/// Stands for election in one shard every period, and at once when the elector says it is worth it. Where it leads more
/// shards than others, it gives one up, and leaves free ones to them for as long as a leader has for renewing.
///
/// A new incarnation takes over the published role: a leadership that is still good goes on under its epoch.
pub struct RoleActor {
    settings: RoleSettings,
    /// The attempt under way, or the wait for the next one.
    step: Option<SpawnHandle>,
}

impl RoleActor {
    /// An actor that begins to stand when it starts.
    pub fn new(settings: RoleSettings) -> Self {
        RoleActor { settings, step: None }
    }

    fn attempt(&mut self, ctx: &mut Context<Self>) {
        if self.settings.watch().has_resigned() {
            return;
        }
        if self.settings.should_yield() {
            return self.give_up(ctx);
        }
        let settings = self.settings.clone();
        let attempt = async move { settings.attempt().await };
        let step = ctx.spawn(attempt.into_actor(self).map(|outcome, actor, ctx| {
            actor.publish(outcome);
            actor.attempt_later(ctx);
        }));
        self.step = Some(step);
    }

    /// Lets another replica lead, and runs again later in case none does.
    fn give_up(&mut self, ctx: &mut Context<Self>) {
        let basis = self.settings.watch().get().basis;
        tracing::info!(shard = %self.settings.shard, "given up, because another replica leads less");
        self.settings.watch().set(RoleView::follower(basis));
        let elector = self.settings.elector.clone();
        let resign = async move { elector.resign().await };
        self.step = Some(ctx.spawn(resign.into_actor(self).map(|(), actor, ctx| actor.attempt_later(ctx))));
    }

    fn attempt_later(&mut self, ctx: &mut Context<Self>) {
        let settings = self.settings.clone();
        let wait = async move { settings.wait().await };
        self.step = Some(ctx.spawn(wait.into_actor(self).map(|(), actor, ctx| actor.attempt(ctx))));
    }

    fn publish(&self, outcome: AttemptOutcome) {
        let watch = self.settings.watch();
        if watch.has_resigned() {
            return;
        }
        let (before, now) = (watch.get(), Instant::now());
        let after = role_after(&before, outcome, self.settings.renew_deadline, now);
        log_change(self.settings.shard, &before, &after, now);
        watch.set(after);
    }
}

impl RoleSettings {
    fn watch(&self) -> &RoleWatch {
        self.roles.watch(self.shard)
    }

    fn should_yield(&self) -> bool {
        self.watch().leads().is_some() && self.roles.should_yield(self.renew_deadline)
    }

    /// Until another attempt is due.
    async fn wait(&self) {
        let others_first = Instant::now() + self.renew_deadline;
        while self.watch().leads().is_none() && !self.roles.may_run() && Instant::now() < others_first {
            sleep(self.retry_period).await;
        }
        tokio::select! {
            () = sleep(self.retry_period) => {}
            () = self.elector.changed() => {}
        }
    }

    async fn attempt(&self) -> AttemptOutcome {
        let attempt = timeout(self.renew_deadline, async {
            let standing = self.elector.attempt().await;
            // A new leadership is numbered before it begins: whoever sees the role sees its epoch.
            let number = match &standing {
                Ok(ElectionStatus::Leader { term, .. }) => self.number(*term).await,
                _ => ObservedEpoch::None,
            };
            (standing, number)
        });
        let silent = |_| {
            let why = format!("there was no answer within {:?}", self.renew_deadline);
            (Err(ElectionError(why)), ObservedEpoch::None)
        };
        let (standing, number) = attempt.await.unwrap_or_else(silent);
        let cut_off = self.store.get().cut_off.clone();
        AttemptOutcome { standing, number, basis: self.elector.basis(), cut_off }
    }

    async fn number(&self, term: u64) -> ObservedEpoch {
        let view = self.watch().get();
        match view.leads(Instant::now()) {
            Some(epoch) if view.term == term => ObservedEpoch::Held(epoch),
            _ => ObservedEpoch::Issued(
                self.epochs.begin_epoch(self.shard, self.watch().greatest_epoch()).await,
            ),
        }
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
        tracing::warn!(backend, reason, "leadership is not decided as it should be");
    }
    if after.mandate(now) == Some(SchedulingAuthority::Outage) && !before.stands_in {
        tracing::warn!(
            "nobody can be elected and the shared store is away: this replica goes on collecting into its local store"
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

/// Gives leadership up for good; answered when the elector has let go.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Resign;

impl Handler<Resign> for RoleActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Resign, ctx: &mut Self::Context) -> Self::Result {
        self.settings.watch().resign();
        // An attempt under way might take back what is let go of.
        if let Some(step) = self.step.take() {
            ctx.cancel_future(step);
        }
        let elector = self.settings.elector.clone();
        Box::pin(async move { elector.resign().await })
    }
}

#[cfg(test)]
mod tests;

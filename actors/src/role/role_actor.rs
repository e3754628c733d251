//! The actor that stands for election and tells everybody the outcome.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;

use super::{ElectionError, Elector, Epoch, EpochError, EpochIssuer, Role, RoleView, RoleWatch, Standing};

/// What the role actor is made of.
#[derive(Clone)]
pub struct RoleSettings {
    /// How leadership is decided.
    pub elector: Arc<dyn Elector>,
    /// Who numbers leaderships.
    pub epochs: Arc<dyn EpochIssuer>,
    /// How often leadership is tried for or renewed.
    pub retry_period: Duration,
    /// Where the outcome goes.
    pub watch: RoleWatch,
}

/// Stands for election every period, and at once when the elector says it is worth it.
///
/// A new incarnation takes over the published role: a leadership that is still good goes on under its epoch.
pub struct RoleActor {
    settings: RoleSettings,
    resigned: bool,
}

impl RoleActor {
    /// An actor that begins to stand when it starts.
    pub fn new(settings: RoleSettings) -> Self {
        RoleActor { settings, resigned: false }
    }

    fn attempt(&mut self, ctx: &mut Context<Self>) {
        let settings = self.settings.clone();
        let attempt = async move {
            let standing = settings.elector.attempt().await;
            let held = settings.watch.leads();
            // A new leadership is numbered before it begins: whoever sees the role sees its epoch.
            let epoch = match (&standing, held) {
                (Ok(Standing::Leader { .. }), None) => {
                    Some(settings.epochs.begin_epoch(settings.watch.greatest_epoch()).await)
                }
                _ => held.map(Ok),
            };
            (standing, epoch)
        };
        ctx.spawn(attempt.into_actor(self).map(|(standing, epoch), actor, ctx| {
            if !actor.resigned {
                actor.publish(standing, epoch);
                actor.attempt_later(ctx);
            }
        }));
    }

    fn attempt_later(&mut self, ctx: &mut Context<Self>) {
        let elector = self.settings.elector.clone();
        let period = self.settings.retry_period;
        let wait = async move {
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                () = elector.changed() => {}
            }
        };
        ctx.spawn(wait.into_actor(self).map(|(), actor, ctx| actor.attempt(ctx)));
    }

    fn publish(&self, standing: Result<Standing, ElectionError>, epoch: Option<Result<Epoch, EpochError>>) {
        let before = self.settings.watch.get();
        let after = next_view(&before, standing, epoch, Instant::now());
        if (before.role, before.epoch) != (after.role, after.epoch) {
            tracing::info!(role = after.role.as_str(), epoch = after.epoch.map(|e| e.0), "the role changed");
        }
        if let Some(error) = after.last_error.as_ref().filter(|_| before.last_error != after.last_error) {
            tracing::warn!(error, backend = after.backend, "the election failed; it will be tried again");
        }
        self.settings.watch.set(after);
    }
}

/// The role after an attempt: an unknown outcome leaves a leadership to its deadline.
fn next_view(
    before: &RoleView,
    standing: Result<Standing, ElectionError>,
    epoch: Option<Result<Epoch, EpochError>>,
    now: Instant,
) -> RoleView {
    let follower = |last_error| RoleView { last_error, ..RoleView::follower(before.backend) };
    match (standing, epoch) {
        (Ok(Standing::Leader { until }), Some(Ok(epoch))) => RoleView {
            role: Role::Leader,
            epoch: Some(epoch),
            until: Some(until),
            last_error: None,
            ..before.clone()
        },
        (Ok(Standing::Leader { .. }), Some(Err(error))) => follower(Some(error.to_string())),
        (Ok(_), _) => follower(None),
        (Err(error), _) if before.leads(now).is_some() => {
            RoleView { last_error: Some(error.to_string()), ..before.clone() }
        }
        (Err(error), _) => follower(Some(error.to_string())),
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

    fn handle(&mut self, _: Resign, _: &mut Self::Context) -> Self::Result {
        self.resigned = true;
        let before = self.settings.watch.get();
        self.settings.watch.set(RoleView::follower(before.backend));
        let elector = self.settings.elector.clone();
        Box::pin(async move { elector.resign().await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_leadership_that_cannot_be_renewed_ends_at_its_deadline() {
        let now = Instant::now();
        let until = now + Duration::from_secs(15);
        let leader =
            next_view(&RoleView::follower("test"), Ok(Standing::Leader { until }), Some(Ok(Epoch(7))), now);
        assert_eq!(leader.leads(now), Some(Epoch(7)));
        let unsure = next_view(&leader, Err(ElectionError("no route".into())), Some(Ok(Epoch(7))), now);
        assert_eq!(unsure.leads(now), Some(Epoch(7)), "an unknown outcome does not end it");
        assert_eq!(unsure.leads(until), None, "its deadline does");
        let late = next_view(&unsure, Err(ElectionError("no route".into())), None, until);
        assert_eq!((late.role, late.epoch), (Role::Follower, None));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leads_without_an_epoch() {
        let until = Instant::now() + Duration::from_secs(15);
        let standing = Ok(Standing::Leader { until });
        let view = next_view(
            &RoleView::follower("test"),
            standing,
            Some(Err(EpochError("store down".into()))),
            Instant::now(),
        );
        assert_eq!(view.role, Role::Follower);
        assert!(view.last_error.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn losing_leadership_is_seen_when_it_is_released_and_when_it_runs_out() {
        let watch = RoleWatch::new("test");
        let until = Instant::now() + Duration::from_secs(15);
        let leading = RoleView {
            role: Role::Leader,
            epoch: Some(Epoch(1)),
            until: Some(until),
            ..RoleView::follower("test")
        };
        watch.set(leading.clone());
        watch.lost(Epoch(1)).await;
        assert_eq!(Instant::now(), until, "it ran out");
        watch.set(RoleView { until: Some(until + Duration::from_secs(15)), ..leading });
        watch.lost(Epoch(9)).await;
        assert_eq!(Instant::now(), until, "another epoch is lost at once");
    }
}

//! From the states that actors publish to the reports that the health actor receives.

use std::sync::{Arc, OnceLock};

use actix_supervisor::{ActorId, ActorSnapshot, ActorState, Observable, RootHandle, TreeSnapshot};

use super::{HealthReport, RoleReport, SchedulerReport};
use crate::maintenance::PauseRegistry;
use crate::queue::QueueState;
use crate::role::Roles;
use crate::scheduler::SchedulerState;
use crate::store::StoreState;

/// Seconds without a heartbeat after which an actor's published state no longer counts as reported.
const HEARTBEAT_LIMIT: f64 = 5.0;

/// The state that an actor publishes.
#[derive(Clone, Debug)]
pub struct PublishedState<T> {
    /// The actor that publishes it.
    pub actor: ActorId,
    /// Where it does so. Readable also while the actor is not running, hence the check of its heartbeat.
    pub state: Observable<T>,
}

/// Reports for the other actors, so that they need not know of the health actor: each publishes its
/// state, and while it has a heartbeat that state is its report.
#[derive(Clone)]
pub struct StateReporter {
    /// The store actor's state.
    pub store: PublishedState<StoreState>,
    /// The queue actor's state.
    pub queue: PublishedState<QueueState>,
    /// The scheduler's state.
    pub scheduler: PublishedState<SchedulerState>,
    /// The role actors, one for each shard.
    pub role_actors: Vec<ActorId>,
    /// What they publish.
    pub roles: Roles,
    /// The maintenance actor.
    pub maintenance_actor: ActorId,
    /// What it keeps up to date.
    pub pauses: PauseRegistry,
    /// The supervision tree, once it is started.
    pub tree: Arc<OnceLock<RootHandle>>,
}

impl StateReporter {
    /// The reports of all actors that are running now.
    pub fn reports(&self) -> Vec<HealthReport> {
        let Some(tree) = self.tree.get().map(RootHandle::tree) else { return Vec::new() };
        let mut reports = Vec::new();
        if is_reporting(&tree, &self.store.actor) {
            reports.push(HealthReport::Store(self.store.state.get()));
        }
        if is_reporting(&tree, &self.queue.actor) {
            reports.push(HealthReport::Queue(self.queue.state.get()));
        }
        if self.role_actors.iter().all(|actor| is_reporting(&tree, actor)) {
            reports.push(HealthReport::Role(self.role()));
        }
        if is_reporting(&tree, &self.scheduler.actor) {
            reports.push(HealthReport::Scheduler(self.scheduler()));
        }
        if is_reporting(&tree, &self.maintenance_actor) {
            reports.push(HealthReport::Maintenance(self.pauses.active_pauses()));
        }
        reports.push(HealthReport::Actors(tree));
        reports
    }

    fn role(&self) -> RoleReport {
        RoleReport {
            view: self.roles.get(),
            epoch: self.roles.leads(),
            shards_led: self.roles.shards_led(),
            shards: self.roles.iter().count(),
        }
    }

    fn scheduler(&self) -> SchedulerReport {
        let known = self.scheduler.state.get().organisations.clone();
        let scheduled = known.iter().filter(|(org, _)| self.roles.of(org).authority().is_some());
        let scheduled = scheduled.map(|(org, status)| (org.clone(), status.clone())).collect();
        SchedulerReport { scheduled, known }
    }
}

fn is_reporting(tree: &TreeSnapshot, id: &ActorId) -> bool {
    let has_heartbeat = |actor: &ActorSnapshot| {
        actor.state == ActorState::Running
            && actor.heartbeat_age_seconds.is_none_or(|age| age < HEARTBEAT_LIMIT)
    };
    tree.actors.iter().find(|actor| actor.id == *id).is_some_and(has_heartbeat)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix::prelude::*;
    use actix_supervisor::testing::in_virtual_time;
    use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec, start_root};
    use tokio::time::sleep;

    use super::*;
    use crate::activity::Timestamp;
    use crate::clock::Clock;
    use crate::store::MemoryState;

    struct Idle;

    impl Actor for Idle {
        type Context = Context<Self>;
    }

    fn reporter() -> StateReporter {
        let clock = Clock::starting_at(Timestamp::from_unix(1_800_000_000));
        StateReporter {
            store: PublishedState { actor: "store".into(), state: Observable::default() },
            queue: PublishedState { actor: "queue".into(), state: Observable::default() },
            scheduler: PublishedState { actor: "scheduler".into(), state: Observable::default() },
            role_actors: vec!["role".into()],
            roles: Roles::new("static", 1),
            maintenance_actor: "maintenance".into(),
            pauses: PauseRegistry::new(Arc::new(MemoryState::new()), clock, Observable::default()),
            tree: Arc::default(),
        }
    }

    #[test]
    fn only_running_actors_report() {
        in_virtual_time(|| async {
            let reporter = reporter();
            assert!(reporter.reports().is_empty(), "the tree is not started");
            let store = ChildSpec::actor(&ActorRef::<Idle>::new("store"), || Idle);
            let root = start_root(SupervisorSpec::new("root", Strategy::OneForOne).child(store)).unwrap();
            let _ = reporter.tree.set(root.clone());
            sleep(Duration::from_secs(1)).await;
            let reports = reporter.reports();
            assert!(matches!(reports[..], [HealthReport::Store(_), HealthReport::Actors(_)]), "{reports:?}");
            root.shutdown(Duration::from_secs(5)).await;
        });
    }
}

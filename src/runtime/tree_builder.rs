//! Builds the specification of the supervision tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec};
use github_stats_actors::activity::OrgName;
use github_stats_actors::fleet::{FleetActor, FleetSettings};
use github_stats_actors::health::{HealthActor, HealthSettings, PublishedState, StateReporter};
use github_stats_actors::loc::{LocCollector, LocPorts};
use github_stats_actors::maintenance::{MaintenanceActor, PauseRegistry};
use github_stats_actors::queue::{
    BackfillWorker, DeadLetterService, Enqueuer, JobProcessor, JobStores, QueueActor,
};
use github_stats_actors::role::{Campaign, Elector, RoleActor, Shard};
use github_stats_actors::scheduler::{
    BackfillHandler, Collector, Cooldowns, OrgScraper, OrganisationPlan, SchedulerActor, SchedulerParts,
    ScrapeCycle,
};
use github_stats_actors::store::{StoreActor, StoreParts};

use super::settings::{activity, cooldown, dispatch, history, loc_settings};
use super::tree::{Organisation, TreeParts};
use crate::config::Config;
use crate::exposition::ExpositionActor;

/// Makes every child of the tree from the configuration and the parts.
pub(super) struct TreeBuilder<'a> {
    config: &'a Config,
    parts: &'a TreeParts,
    /// The actors.
    pub(super) actors: Actors,
    collectors: BTreeMap<OrgName, Collector>,
}

/// References to the actors of the tree.
pub(super) struct Actors {
    store: ActorRef<StoreActor>,
    /// One for each shard.
    pub(super) roles: Vec<ActorRef<RoleActor>>,
    queue: ActorRef<QueueActor>,
    scrapers: BTreeMap<OrgName, ActorRef<OrgScraper>>,
    scheduler: ActorRef<SchedulerActor>,
    health: ActorRef<HealthActor>,
    maintenance: ActorRef<MaintenanceActor>,
    pub(super) fleet: ActorRef<FleetActor>,
    exposition: ActorRef<ExpositionActor>,
}

impl Actors {
    fn new(parts: &TreeParts) -> Self {
        let scraper = |org: &OrgName| ActorRef::new(format!("scraper-{org}"));
        Actors {
            store: ActorRef::new("store"),
            roles: shards(parts).map(role_name).map(ActorRef::new).collect(),
            queue: ActorRef::new("queue"),
            scrapers: parts.organisations.iter().map(|o| (o.org.clone(), scraper(&o.org))).collect(),
            scheduler: ActorRef::new("scheduler"),
            health: ActorRef::new("health"),
            maintenance: ActorRef::new("maintenance"),
            fleet: ActorRef::new("fleet"),
            exposition: ActorRef::new("exposition"),
        }
    }
}

fn shards(parts: &TreeParts) -> impl Iterator<Item = Shard> + use<> {
    Shard::all(parts.electors.len() as u32)
}

/// The name of a shard's role actor; the number is left out where there is one shard.
fn role_name(shard: Shard) -> String {
    if shard.count() == 1 { "role".to_owned() } else { format!("role-{}", shard.number()) }
}

impl<'a> TreeBuilder<'a> {
    pub(super) fn new(config: &'a Config, parts: &'a TreeParts) -> Self {
        let actors = Actors::new(parts);
        let collector = |organisation: &Organisation| Collector {
            org: organisation.org.clone(),
            source: organisation.source.clone(),
            store: actors.store.clone(),
            clock: parts.state.clock.clone(),
            history: history(config),
        };
        let collectors = parts.organisations.iter().map(|o| (o.org.clone(), collector(o))).collect();
        TreeBuilder { config, parts, actors, collectors }
    }

    /// Later children depend on earlier ones: when one fails, those after it are restarted with it.
    pub(super) fn root(&self) -> SupervisorSpec {
        SupervisorSpec::new("root", Strategy::RestForOne)
            .child(self.store())
            .children(self.roles())
            .children(self.parts.backfill.supervisor())
            .child(self.queue())
            .child(self.workers())
            .child(self.scrapers())
            .child(self.scheduler())
            .child(self.health())
            .child(self.maintenance())
            .children(self.fleet())
            .child(self.exposition())
    }

    /// The pauses that operators have set.
    pub(super) fn pauses(&self) -> PauseRegistry {
        let state = &self.parts.state;
        PauseRegistry::new(self.parts.stores.shared.clone(), state.clock.clone(), state.pauses.clone())
    }

    /// The dead letters of the backfill queue.
    pub(super) fn dead_letters(&self) -> DeadLetterService {
        let queue = self.parts.backfill.queue.clone();
        DeadLetterService::new(self.job_stores(), queue, self.parts.state.clock.clone())
    }

    fn job_stores(&self) -> JobStores {
        JobStores::new(&self.parts.stores.shared, &dispatch(self.config))
    }

    fn cooldowns(&self) -> Cooldowns {
        Cooldowns::new(self.parts.stores.shared.clone())
    }

    fn store(&self) -> ChildSpec {
        let (parts, state) = (self.parts, &self.parts.state);
        let store = StoreParts {
            store: parts.stores.facts.clone(),
            activity: activity(self.config),
            series_budget: usize::try_from(self.config.store.max_series_budget).unwrap_or(usize::MAX),
            role: state.roles.first().clone(),
            clock: state.clock.clone(),
            published: state.series.clone(),
            state: state.store.clone(),
            observer: parts.observer.clone(),
        };
        ChildSpec::actor(&self.actors.store, move || StoreActor::new(store.clone()))
    }

    fn roles(&self) -> Vec<ChildSpec> {
        let shards = shards(self.parts).zip(&self.parts.electors).zip(&self.actors.roles);
        shards.map(|((shard, elector), actor)| self.role(shard, elector, actor)).collect()
    }

    fn role(&self, shard: Shard, elector: &Arc<dyn Elector>, actor: &ActorRef<RoleActor>) -> ChildSpec {
        let campaign = Campaign {
            shard,
            elector: elector.clone(),
            epochs: Arc::new(self.parts.stores.facts.clone()),
            retry_period: self.config.leader_election.retry_period,
            renew_deadline: self.config.leader_election.renew_deadline,
            shared_store: Arc::new(self.parts.state.store.clone()),
            roles: self.parts.state.roles.clone(),
        };
        ChildSpec::actor(actor, move || RoleActor::new(campaign.clone()))
    }

    fn queue(&self) -> ChildSpec {
        let enqueuer = Enqueuer {
            queue: self.parts.backfill.queue.clone(),
            job_stores: self.job_stores(),
            dispatch: dispatch(self.config),
            clock: self.parts.state.clock.clone(),
            observer: self.parts.observer.clone(),
        };
        let state = self.parts.state.queue.clone();
        ChildSpec::actor(&self.actors.queue, move || QueueActor::new(enqueuer.clone(), state.clone()))
    }

    fn workers(&self) -> ChildSpec {
        let collectors = self.collectors.values().cloned();
        let queue = self.parts.backfill.queue.clone();
        let processor = JobProcessor {
            job_stores: self.job_stores(),
            handler: Arc::new(BackfillHandler::new(collectors, self.cooldowns(), self.pauses())),
            queue_actor: self.actors.queue.clone(),
            dispatch: dispatch(self.config),
            clock: self.parts.state.clock.clone(),
            observer: self.parts.observer.clone(),
        };
        let backfill = &self.config.backfill;
        let count = if backfill.enabled { backfill.consumer_count } else { 0 };
        let workers = (1..=count).map(|number| {
            let (queue, processor) = (queue.clone(), processor.clone());
            let worker = ActorRef::new(format!("worker-{number}"));
            ChildSpec::actor(&worker, move || BackfillWorker::new(queue.clone(), processor.clone()))
        });
        ChildSpec::supervisor(SupervisorSpec::new("workers", Strategy::OneForOne).children(workers))
    }

    fn scrapers(&self) -> ChildSpec {
        let scrapers = self.parts.organisations.iter().filter_map(|organisation| self.scraper(organisation));
        ChildSpec::supervisor(SupervisorSpec::new("scrapers", Strategy::OneForOne).children(scrapers))
    }

    fn scraper(&self, organisation: &Organisation) -> Option<ChildSpec> {
        let collector = self.collectors.get(&organisation.org)?.clone();
        let loc_settings = loc_settings(self.config);
        let loc_ports = LocPorts {
            org: collector.org.clone(),
            source: collector.source.clone(),
            store: collector.store.clone(),
            clock: collector.clock.clone(),
            observer: self.parts.observer.clone(),
        };
        let cycle = ScrapeCycle {
            collector,
            queue: self.actors.queue.clone(),
            concurrency: organisation.concurrency,
            role: self.parts.state.roles.of(&organisation.org).clone(),
            observer: self.parts.observer.clone(),
        };
        let scraper = self.actors.scrapers.get(&organisation.org)?;
        Some(ChildSpec::actor(scraper, move || {
            OrgScraper::new(cycle.clone(), LocCollector::new(loc_settings, loc_ports.clone()))
        }))
    }

    fn scheduler(&self) -> ChildSpec {
        let state = &self.parts.state;
        let plan = |organisation: &Organisation| {
            Some(OrganisationPlan {
                org: organisation.org.clone(),
                interval: organisation.interval,
                scraper: self.actors.scrapers.get(&organisation.org)?.clone(),
                role: state.roles.of(&organisation.org).clone(),
            })
        };
        let scheduler = SchedulerParts {
            organisations: self.parts.organisations.iter().filter_map(plan).collect(),
            cooldown: cooldown(self.config),
            history: history(self.config),
            queue: self.actors.queue.clone(),
            cooldowns: self.cooldowns(),
            maintenance: self.pauses(),
            store: self.actors.store.clone(),
            clock: state.clock.clone(),
            state: state.scheduler.clone(),
            observer: self.parts.observer.clone(),
        };
        ChildSpec::actor(&self.actors.scheduler, move || SchedulerActor::new(scheduler.clone()))
    }

    fn health(&self) -> ChildSpec {
        let state = &self.parts.state;
        let reporter = StateReporter {
            store: PublishedState { actor: self.actors.store.id().clone(), state: state.store.clone() },
            queue: PublishedState { actor: self.actors.queue.id().clone(), state: state.queue.clone() },
            scheduler: PublishedState {
                actor: self.actors.scheduler.id().clone(),
                state: state.scheduler.clone(),
            },
            role_actors: self.actors.roles.iter().map(|role| role.id().clone()).collect(),
            roles: state.roles.clone(),
            maintenance_actor: self.actors.maintenance.id().clone(),
            pauses: self.pauses(),
            tree: state.tree.clone(),
        };
        let settings = HealthSettings {
            reporter,
            probes: self.parts.probes.clone(),
            probe_interval: self.config.health.github_probe_interval,
            clock: state.clock.clone(),
            snapshot: state.health.clone(),
        };
        ChildSpec::actor(&self.actors.health, move || HealthActor::new(settings.clone()))
    }

    fn maintenance(&self) -> ChildSpec {
        let pauses = self.pauses();
        ChildSpec::actor(&self.actors.maintenance, move || MaintenanceActor::new(pauses.clone()))
    }

    fn fleet(&self) -> Option<ChildSpec> {
        let settings = FleetSettings {
            shared: self.parts.stores.shared.clone(),
            replica: self.parts.state.name.clone(),
            has_others: self.config.store.is_shared(),
            exchange: self.parts.exchange.clone()?,
            state: self.parts.state.fleet.clone(),
        };
        Some(ChildSpec::actor(&self.actors.fleet, move || FleetActor::new(settings.clone())))
    }

    fn exposition(&self) -> ChildSpec {
        let (series, pages) = (self.parts.state.series.clone(), self.parts.state.activity.clone());
        ChildSpec::actor(&self.actors.exposition, move || ExpositionActor::new(series.clone(), pages.clone()))
    }
}

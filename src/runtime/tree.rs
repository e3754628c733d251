//! Builds the supervision tree from a configuration.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_supervisor::Observable;
use actix_supervisor::{ActorRef, ChildSpec, DuplicateId, RootHandle, Strategy, SupervisorSpec, start_root};
use github_stats_actors::activity::{ActivitySettings, OrgName};
use github_stats_actors::clock::Clock;
use github_stats_actors::events::EventObserver;
use github_stats_actors::fleet::{FleetActor, FleetSettings, FleetState, PeerExchange};
use github_stats_actors::health::{HealthActor, HealthSettings, HealthSnapshot, Probe};
use github_stats_actors::loc::{LocCollector, LocPorts, LocSettings};
use github_stats_actors::maintenance::{MaintenanceActor, Pause, PauseRegistry};
use github_stats_actors::queue::{
    BackfillWorker, DeadLetterService, DispatchSettings, Enqueuer, JobProcessor, JobStores, QueueActor,
    QueueState,
};
use github_stats_actors::role::{Campaign, ElectionBasis, Elector, RoleActor, Roles, Shard};
use github_stats_actors::scheduler::{
    BackfillHandler, Collector, CooldownSettings, Cooldowns, HistorySettings, OrgScraper, OrganisationPlan,
    SchedulerActor, SchedulerParts, SchedulerState, ScrapeCycle,
};
use github_stats_actors::source::ActivitySource;
use github_stats_actors::store::{PublishedView, StoreActor, StoreParts, StoreState};

use super::queue::BackfillQueue;
use super::stores::Stores;
use crate::config::Config;
use crate::exposition::{ActivityPages, ExpositionActor};
use crate::github::quota::RateLimiter;

/// One organisation and where its activity comes from.
pub struct Organisation {
    /// Its login.
    pub org: OrgName,
    /// Where its activity comes from.
    pub source: Arc<dyn ActivitySource>,
    /// The rate limiter of its credentials.
    pub rate_limiter: Arc<RateLimiter>,
    /// How often it is scraped.
    pub interval: Duration,
    /// How many of its repositories are collected at a time.
    pub concurrency: usize,
}

/// What the tree is built from besides the configuration.
pub struct TreeParts {
    /// Where everything is kept.
    pub stores: Stores,
    /// What is collected.
    pub organisations: Vec<Organisation>,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// How leadership is decided, in each shard; at least one.
    pub electors: Vec<Arc<dyn Elector>>,
    /// Where backfill jobs wait.
    pub backfill: BackfillQueue,
    /// Who counts.
    pub observer: Arc<dyn EventObserver>,
    /// Whom the health actor asks.
    pub probes: Vec<Arc<dyn Probe>>,
    /// How this replica keeps in touch with the others; `None` where nobody is to hear of it.
    pub fleet: Option<FleetParts>,
}

/// How a replica keeps in touch with the others.
pub struct FleetParts {
    /// Its name.
    pub replica: String,
    /// Makes its side of the conversation from what the tree shows.
    pub exchange: Box<MakeExchange>,
}

/// Makes a replica's side of the conversation.
pub type MakeExchange = dyn Fn(&Shown) -> Arc<dyn PeerExchange>;

/// The states the actors show; all of them outlive every restart, and reading them never waits.
#[derive(Clone)]
pub struct Shown {
    /// The series.
    pub published: PublishedView,
    /// The series, encoded.
    pub activity: ActivityPages,
    /// The role in each shard.
    pub roles: Roles,
    /// Health as a whole.
    pub health: Observable<HealthSnapshot>,
    /// The store actor's state.
    pub store: Observable<StoreState>,
    /// The queue actor's state.
    pub queue: Observable<QueueState>,
    /// The scheduler's state.
    pub scheduler: Observable<SchedulerState>,
    /// What operators have paused, as last seen.
    pub pauses: Observable<Vec<Pause>>,
    /// Set while the replica is going down.
    pub draining: Arc<AtomicBool>,
    /// What is known of the other replicas.
    pub fleet: Observable<FleetState>,
    /// The tree itself, as soon as it is started.
    pub tree: Arc<OnceLock<RootHandle>>,
}

/// A running tree.
pub struct Tree {
    /// The hold on it.
    pub root: RootHandle,
    /// What it shows.
    pub shown: Shown,
    /// Give up leadership on request.
    pub roles: Vec<ActorRef<RoleActor>>,
    /// Where operators handle dead letters.
    pub letters: DeadLetterService,
    /// Where operators pause scraping.
    pub maintenance: PauseRegistry,
    /// Takes leave of the other replicas on request.
    pub fleet: ActorRef<FleetActor>,
}

/// The addresses of the actors that others speak to.
struct Addresses {
    store: ActorRef<StoreActor>,
    roles: Vec<ActorRef<RoleActor>>,
    queue: ActorRef<QueueActor>,
    fleet: ActorRef<FleetActor>,
    scrapers: BTreeMap<OrgName, ActorRef<OrgScraper>>,
}

/// Starts the tree on the current arbiter.
///
/// # Errors
/// [`DuplicateId`] where one organisation is given twice.
pub fn start(config: &Config, parts: TreeParts) -> Result<Tree, DuplicateId> {
    let shown = Shown {
        published: PublishedView::default(),
        activity: ActivityPages::default(),
        roles: roles(&parts),
        health: Observable::new(HealthSnapshot::starting()),
        store: Observable::default(),
        queue: Observable::default(),
        scheduler: Observable::default(),
        pauses: Observable::default(),
        draining: Arc::default(),
        fleet: Observable::default(),
        tree: Arc::default(),
    };
    let addresses = Addresses::new(&parts);
    let root = start_root(root_spec(config, &parts, &shown, &addresses))?;
    // Whoever reads the slot does so again and again; it is filled before an actor can have started.
    let _ = shown.tree.set(root.clone());
    let letters =
        DeadLetterService::new(job_stores(config, &parts), parts.backfill.queue.clone(), parts.clock.clone());
    let maintenance = register(&parts, &shown);
    Ok(Tree { root, shown, roles: addresses.roles, letters, maintenance, fleet: addresses.fleet })
}

/// Later children depend on earlier ones: when one dies, those after it start anew with it.
fn root_spec(config: &Config, parts: &TreeParts, shown: &Shown, addresses: &Addresses) -> SupervisorSpec {
    let collectors = collectors(config, parts, addresses);
    SupervisorSpec::new("root", Strategy::RestForOne)
        .child(store(config, parts, shown, addresses))
        .children(role_actors(config, parts, shown, addresses))
        .children(parts.backfill.supervisor())
        .child(queue_actor(config, parts, shown, addresses))
        .child(workers(config, parts, shown, addresses, &collectors))
        .child(scrapers(config, parts, shown, addresses, collectors))
        .child(scheduler(config, parts, shown, addresses))
        .child(health(config, parts, shown))
        .child(maintenance(parts, shown))
        .children(fleet(config, parts, shown, addresses))
        .child(exposition(shown))
}

fn exposition(shown: &Shown) -> ChildSpec {
    let (view, pages) = (shown.published.clone(), shown.activity.clone());
    let exposition = ActorRef::new("exposition");
    ChildSpec::actor(&exposition, move || ExpositionActor::new(view.clone(), pages.clone()))
}

fn register(parts: &TreeParts, shown: &Shown) -> PauseRegistry {
    PauseRegistry::new(parts.stores.shared.clone(), parts.clock.clone(), shown.pauses.clone())
}

fn maintenance(parts: &TreeParts, shown: &Shown) -> ChildSpec {
    let pauses = register(parts, shown);
    let maintenance = ActorRef::new("maintenance");
    ChildSpec::actor(&maintenance, move || MaintenanceActor::new(pauses.clone()))
}

fn fleet(config: &Config, parts: &TreeParts, shown: &Shown, addresses: &Addresses) -> Option<ChildSpec> {
    let fleet = parts.fleet.as_ref()?;
    let settings = FleetSettings {
        shared: parts.stores.shared.clone(),
        replica: fleet.replica.clone(),
        has_others: config.store.is_shared(),
        exchange: (fleet.exchange)(shown),
        state: shown.fleet.clone(),
    };
    Some(ChildSpec::actor(&addresses.fleet, move || FleetActor::new(settings.clone())))
}

fn store(config: &Config, parts: &TreeParts, shown: &Shown, addresses: &Addresses) -> ChildSpec {
    let store = StoreParts {
        store: parts.stores.facts.clone(),
        activity: ActivitySettings {
            active_window: seconds(config.metrics.active_window),
            retention: seconds(config.store.retention),
        },
        series_budget: usize::try_from(config.store.max_series_budget).unwrap_or(usize::MAX),
        role: shown.roles.first().clone(),
        clock: parts.clock.clone(),
        published: shown.published.clone(),
        state: shown.store.clone(),
        observer: parts.observer.clone(),
    };
    ChildSpec::actor(&addresses.store, move || StoreActor::new(store.clone()))
}

fn roles(parts: &TreeParts) -> Roles {
    let basis = parts.electors.first().map_or_else(ElectionBasis::default, |elector| elector.basis());
    Roles::new(basis, parts.electors.len() as u32)
}

/// What the role actor of a shard is called: there is one, unless organisations are divided.
fn role_name(shard: Shard) -> String {
    if shard.count() == 1 { "role".to_owned() } else { format!("role-{}", shard.number()) }
}

fn role_actors(config: &Config, parts: &TreeParts, shown: &Shown, addresses: &Addresses) -> Vec<ChildSpec> {
    let election = &config.leader_election;
    let shards = Shard::all(parts.electors.len() as u32).zip(&parts.electors).zip(&addresses.roles);
    let role_actor = |((shard, elector), address): ((Shard, &Arc<dyn Elector>), _)| {
        let campaign = Campaign {
            shard,
            elector: elector.clone(),
            epochs: Arc::new(parts.stores.facts.clone()),
            retry_period: election.retry_period,
            renew_deadline: election.renew_deadline,
            shared_store: Arc::new(shown.store.clone()),
            roles: shown.roles.clone(),
        };
        ChildSpec::actor(address, move || RoleActor::new(campaign.clone()))
    };
    shards.map(role_actor).collect()
}

fn queue_actor(config: &Config, parts: &TreeParts, shown: &Shown, addresses: &Addresses) -> ChildSpec {
    let enqueuer = Enqueuer {
        queue: parts.backfill.queue.clone(),
        job_stores: job_stores(config, parts),
        dispatch: dispatch(config),
        clock: parts.clock.clone(),
        observer: parts.observer.clone(),
    };
    let state = shown.queue.clone();
    ChildSpec::actor(&addresses.queue, move || QueueActor::new(enqueuer.clone(), state.clone()))
}

fn workers(
    config: &Config,
    parts: &TreeParts,
    shown: &Shown,
    addresses: &Addresses,
    collectors: &BTreeMap<OrgName, Collector>,
) -> ChildSpec {
    let cooldowns = Cooldowns::new(parts.stores.shared.clone());
    let collectors = collectors.values().cloned();
    let queue = parts.backfill.queue.clone();
    let processor = JobProcessor {
        job_stores: job_stores(config, parts),
        handler: Arc::new(BackfillHandler::new(collectors, cooldowns, register(parts, shown))),
        queue_actor: addresses.queue.clone(),
        dispatch: dispatch(config),
        clock: parts.clock.clone(),
        observer: parts.observer.clone(),
    };
    let count = if config.backfill.enabled { config.backfill.consumer_count } else { 0 };
    let workers = (1..=count).map(|number| {
        let (queue, processor) = (queue.clone(), processor.clone());
        let worker = ActorRef::new(format!("worker-{number}"));
        ChildSpec::actor(&worker, move || BackfillWorker::new(queue.clone(), processor.clone()))
    });
    ChildSpec::supervisor(SupervisorSpec::new("workers", Strategy::OneForOne).children(workers))
}

fn scrapers(
    config: &Config,
    parts: &TreeParts,
    shown: &Shown,
    addresses: &Addresses,
    mut collectors: BTreeMap<OrgName, Collector>,
) -> ChildSpec {
    let scrapers = parts.organisations.iter().filter_map(|organisation| {
        let collector = collectors.remove(&organisation.org)?;
        let loc_settings = loc_settings(config);
        let loc_ports = LocPorts {
            org: collector.org.clone(),
            source: collector.source.clone(),
            store: collector.store.clone(),
            clock: collector.clock.clone(),
            observer: parts.observer.clone(),
        };
        let cycle = ScrapeCycle {
            collector,
            queue: addresses.queue.clone(),
            concurrency: organisation.concurrency,
            role: shown.roles.of(&organisation.org).clone(),
            observer: parts.observer.clone(),
        };
        let build =
            move || OrgScraper::new(cycle.clone(), LocCollector::new(loc_settings, loc_ports.clone()));
        let scraper = addresses.scrapers.get(&organisation.org)?;
        Some(ChildSpec::actor(scraper, build))
    });
    ChildSpec::supervisor(SupervisorSpec::new("scrapers", Strategy::OneForOne).children(scrapers))
}

fn scheduler(config: &Config, parts: &TreeParts, shown: &Shown, addresses: &Addresses) -> ChildSpec {
    let organisations = parts.organisations.iter().filter_map(|organisation| {
        Some(OrganisationPlan {
            org: organisation.org.clone(),
            interval: organisation.interval,
            scraper: addresses.scrapers.get(&organisation.org)?.clone(),
            role: shown.roles.of(&organisation.org).clone(),
        })
    });
    let scheduler = SchedulerParts {
        organisations: organisations.collect(),
        cooldown: CooldownSettings {
            failure_threshold: config.github.unhealthy_failure_threshold,
            cooldown: seconds(config.github.unhealthy_cooldown),
            recover_threshold: config.health.github_recover_success_threshold,
        },
        history: history(config),
        queue: addresses.queue.clone(),
        cooldowns: Cooldowns::new(parts.stores.shared.clone()),
        maintenance: register(parts, shown),
        store: addresses.store.clone(),
        clock: parts.clock.clone(),
        state: shown.scheduler.clone(),
        observer: parts.observer.clone(),
    };
    let address = ActorRef::new("scheduler");
    ChildSpec::actor(&address, move || SchedulerActor::new(scheduler.clone()))
}

fn health(config: &Config, parts: &TreeParts, shown: &Shown) -> ChildSpec {
    let settings = HealthSettings {
        store: shown.store.clone(),
        queue: shown.queue.clone(),
        roles: shown.roles.clone(),
        scheduler: shown.scheduler.clone(),
        maintenance: register(parts, shown),
        tree: shown.tree.clone(),
        probes: parts.probes.clone(),
        probe_interval: config.health.github_probe_interval,
        draining: shown.draining.clone(),
        clock: parts.clock.clone(),
        snapshot: shown.health.clone(),
    };
    let health = ActorRef::new("health");
    ChildSpec::actor(&health, move || HealthActor::new(settings.clone()))
}

impl Addresses {
    fn new(parts: &TreeParts) -> Self {
        let scraper = |org: &OrgName| ActorRef::new(format!("scraper-{org}"));
        Addresses {
            store: ActorRef::new("store"),
            roles: Shard::all(parts.electors.len() as u32).map(role_name).map(ActorRef::new).collect(),
            queue: ActorRef::new("queue"),
            fleet: ActorRef::new("fleet"),
            scrapers: parts.organisations.iter().map(|o| (o.org.clone(), scraper(&o.org))).collect(),
        }
    }
}

fn collectors(config: &Config, parts: &TreeParts, addresses: &Addresses) -> BTreeMap<OrgName, Collector> {
    let collector = |organisation: &Organisation| Collector {
        org: organisation.org.clone(),
        source: organisation.source.clone(),
        store: addresses.store.clone(),
        clock: parts.clock.clone(),
        history: history(config),
    };
    parts.organisations.iter().map(|o| (o.org.clone(), collector(o))).collect()
}

fn history(config: &Config) -> HistorySettings {
    HistorySettings { retention: seconds(config.store.retention), history: seconds(config.metrics.history) }
}

/// The settings for lines of code, as configured.
pub fn loc_settings(config: &Config) -> LocSettings {
    let loc = &config.loc;
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    LocSettings {
        refresh_interval: seconds(loc.refresh_interval),
        fallback_enabled: loc.fallback_enabled,
        commits_per_week: count(loc.fallback_max_commits_per_repo_per_week),
        commits_per_hour: count(loc.fallback_max_commit_detail_calls_per_org_per_hour),
        zero_weeks: count(loc.large_repo_zero_detection_windows),
        large_cooldown: seconds(loc.large_repo_cooldown),
    }
}

fn job_stores(config: &Config, parts: &TreeParts) -> JobStores {
    JobStores::new(&parts.stores.shared, &dispatch(config))
}

/// The rules of the queue as configured.
pub(super) fn dispatch(config: &Config) -> DispatchSettings {
    let backfill = &config.backfill;
    DispatchSettings {
        coalesce_window: backfill.coalesce_window,
        dedup_ttl: backfill.dedup_ttl,
        max_enqueues_per_org_per_minute: backfill.max_enqueues_per_org_per_minute,
        requeue_delays: backfill.requeue_delays.clone(),
        max_message_age: backfill.max_message_age,
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 8)
}

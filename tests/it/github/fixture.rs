//! The GitHub adapter and a scraper against the simulator, without the rest of a replica. Cycles
//! run on request.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_supervisor::Observable;
use actix_supervisor::{ActorRef, ChildSpec, RootHandle, Strategy, SupervisorSpec, start_root};
use github_sim::{GithubWorld, Options, Simulator, StatisticsOptions};
use github_stats::config::{Config, GithubApi, HttpUrl, OrgConfig, Secret};
use github_stats::github::{NoMeter, RequestMeter};
use github_stats::replica::Quotas;
use github_stats::runtime::{loc_settings, organisation, quotas};
use github_stats_actors::activity::{
    ActivitySettings, DAY, FactId, LocChange, Timestamp, last_complete_week,
};
use github_stats_actors::clock::Clock;
use github_stats_actors::loc::{LocCollector, LocEvent, LocPorts, LocSource};
use github_stats_actors::observer::{NoObserver, Observer};
use github_stats_actors::queue::{DispatchSettings, Enqueuer, JobStores, MemoryQueue, QueueActor};
use github_stats_actors::role::{Epoch, RoleView, RoleWatch, SchedulingAuthority};
use github_stats_actors::scheduler::{
    Collector, CycleReport, CycleResult, HistorySettings, OrgScraper, RunCycle, ScrapeCycle,
};
use github_stats_actors::store::{FactStore, MemoryStore, PublishedView, StoreActor, StoreParts};
use tokio::time::Instant;

/// The token that the simulator accepts.
pub const TOKEN: &str = "secret";
/// The organisation.
pub const ORG: &str = "acme";
/// Time between two cycles.
pub const INTERVAL: Duration = Duration::from_secs(300);
const HISTORY: i64 = 14 * DAY;
const EPOCH: Epoch = Epoch(1);

/// A fact from the store or the simulator: repository, kind and id, user, time, additions and
/// deletions.
pub type FactRow = (String, String, String, i64, u64, u64);

/// Records the events about lines of code.
#[derive(Default)]
pub struct LocEvents {
    views: Mutex<Vec<LocSource>>,
    exhausted: AtomicUsize,
}

impl LocEvents {
    /// The last reported mode of a repository, and whether it is incomplete.
    pub fn of(&self, repo: &str) -> Option<(&'static str, bool)> {
        let views = self.views.lock().expect("no panic");
        views.iter().find(|view| view.repo.as_str() == repo).map(|view| (view.mode, view.incomplete))
    }

    /// How often the hourly budget was exhausted.
    pub fn exhausted(&self) -> usize {
        self.exhausted.load(Ordering::Relaxed)
    }
}

impl Observer<LocEvent> for LocEvents {
    fn on_event(&self, event: LocEvent) {
        match event {
            LocEvent::RoundFinished { repositories, .. } => {
                *self.views.lock().expect("no panic") = repositories;
            }
            LocEvent::BudgetExhausted { .. } => _ = self.exhausted.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// A simulator, a store, and a scraper of one organisation.
pub struct ScraperFixture {
    pub sim: Simulator,
    pub clock: Arc<Clock>,
    store: Arc<MemoryStore>,
    scraper: ActorRef<OrgScraper>,
    includes_loc: bool,
    pub loc_events: Arc<LocEvents>,
    pub quotas: Quotas,
    first_seen: Timestamp,
    _root: RootHandle,
}

/// A simulator whose clock is frozen until it is advanced.
pub fn simulator(options: Options, world: impl FnOnce(jiff::Timestamp) -> GithubWorld) -> Simulator {
    let simulator = Simulator::start(GithubWorld::new(), options.frozen()).expect("a simulator");
    let made = world(simulator.now());
    simulator.edit(|world| *world = made);
    simulator
}

/// Options with a token of this hourly limit and without secondary limits.
pub fn options(points: u32) -> Options {
    let tokens = vec![github_sim::Token::new(TOKEN).hourly_limit(points)];
    // Statistics without lines make the fallback read single commits, which is exact.
    let statistics = StatisticsOptions { pending: 0, zero_from: 0, ..StatisticsOptions::default() };
    Options { tokens, statistics, ..Options::default() }.without_secondary_limits()
}

/// A configuration that collects from this simulator.
pub fn config(simulator: &Simulator, api: GithubApi) -> Config {
    let mut config = Config::default();
    config.github.api = api;
    config.github.api_base_url = HttpUrl::parse(simulator.url()).expect("a URL");
    config.github.request_timeout = Duration::from_secs(10);
    config.loc.large_repo_zero_detection_windows = 1;
    config.retry.initial_backoff = Duration::from_millis(5);
    config.retry.max_backoff = Duration::from_millis(20);
    config.github.orgs = vec![OrgConfig { token: Secret::new(TOKEN), ..OrgConfig::named(ORG) }];
    config
}

impl ScraperFixture {
    /// Collects the first organisation of a configuration.
    pub fn new(sim: Simulator, config: &Config) -> Self {
        let first_seen = Timestamp::from_unix(sim.now().as_second());
        Self::over(sim, Arc::new(MemoryStore::new()), first_seen, config)
    }

    /// Restarts everything except the simulator and the store.
    pub fn restarted(self, config: &Config) -> Self {
        let ScraperFixture { sim, store, first_seen, .. } = self;
        Self::over(sim, store, first_seen, config)
    }

    fn over(sim: Simulator, store: Arc<MemoryStore>, first_seen: Timestamp, config: &Config) -> Self {
        let clock = Clock::starting_at(Timestamp::from_unix(sim.now().as_second()));
        let meter: Arc<dyn RequestMeter> = Arc::new(NoMeter);
        let made = organisation(config, &config.github.orgs[0], &clock, &meter).expect("a source");
        let quotas = quotas(std::slice::from_ref(&made));
        let loc_events = Arc::new(LocEvents::default());
        let includes_loc = made.source.includes_loc();
        let (store_actor, queue_actor) = (ActorRef::new("store"), ActorRef::new("queue"));
        let scraper = ActorRef::new("scraper");
        let role = RoleWatch::new("static");
        let until = Instant::now() + Duration::from_secs(3_600);
        role.set(RoleView::leader("static", EPOCH, until));
        let history = HistorySettings { retention: 30 * DAY, history: HISTORY };
        let collector = Collector {
            org: ORG.into(),
            source: made.source,
            store: store_actor.clone(),
            clock: clock.clone(),
            history,
        };
        let store_parts = StoreParts {
            series_budget: usize::MAX,
            role: RoleWatch::new("static"),
            store: store.clone(),
            activity: ActivitySettings { active_window: 7 * DAY, retention: 30 * DAY },
            clock: clock.clone(),
            published: PublishedView::default(),
            state: Observable::default(),
            observer: Arc::new(NoObserver),
        };
        let dispatch = DispatchSettings {
            coalesce_window: Duration::from_secs(900),
            dedup_ttl: Duration::from_secs(43_200),
            max_enqueues_per_org_per_minute: 200,
            requeue_delays: vec![Duration::from_secs(60)],
            max_message_age: Duration::from_secs(86_400),
        };
        let enqueuer = Enqueuer {
            queue: Arc::new(MemoryQueue::new()),
            job_stores: JobStores::in_memory(&dispatch),
            dispatch,
            clock: clock.clone(),
            observer: Arc::new(NoObserver),
        };
        let loc_settings = loc_settings(config);
        let loc_ports = LocPorts {
            org: ORG.into(),
            source: collector.source.clone(),
            store: store_actor.clone(),
            clock: clock.clone(),
            observer: loc_events.clone(),
        };
        let cycle = ScrapeCycle {
            collector,
            queue: queue_actor.clone(),
            concurrency: 4,
            role,
            observer: Arc::new(NoObserver),
        };
        let new_scraper =
            move || OrgScraper::new(cycle.clone(), LocCollector::new(loc_settings, loc_ports.clone()));
        let root = start_root(
            SupervisorSpec::new("root", Strategy::OneForOne)
                .child(ChildSpec::actor(&store_actor, move || StoreActor::new(store_parts.clone())))
                .child(ChildSpec::actor(&queue_actor, move || {
                    QueueActor::new(enqueuer.clone(), Observable::default())
                }))
                .child(ChildSpec::actor(&scraper, new_scraper)),
        )
        .expect("no name is used twice");
        ScraperFixture {
            sim,
            clock,
            store,
            scraper,
            includes_loc,
            loc_events,
            quotas,
            first_seen,
            _root: root,
        }
    }

    /// Runs one cycle.
    pub async fn cycle(&self) -> CycleReport {
        let message = RunCycle { authority: SchedulingAuthority::Leader(EPOCH), due: self.clock.now() };
        self.scraper.call_persistently(message, Duration::from_secs(600)).await.expect("a scraper")
    }

    /// Runs one cycle that must succeed.
    pub async fn successful_cycle(&self) -> CycleReport {
        let report = self.cycle().await;
        assert_eq!(report.result, CycleResult::Success, "{report:?}");
        report
    }

    /// Advances the simulated time and the collector's clock.
    pub fn advance(&self, by: Duration) {
        self.sim.advance(by);
        let now = Timestamp::from_unix(self.sim.now().as_second());
        self.clock.observe(now, Instant::now(), Instant::now());
    }

    /// Points spent since the log was reset.
    pub fn points(&self) -> u64 {
        self.sim.points_used("core") + self.sim.points_used("graphql")
    }

    /// The stored facts that are not deleted, since the beginning of the collected history.
    pub async fn stored(&self) -> BTreeSet<FactRow> {
        let page = self.store.scan(None, usize::MAX).await.expect("a store");
        let floor = self.first_seen - HISTORY;
        let records = page.records.into_iter().filter(|stored| !stored.record.latest.gone);
        records
            .filter(|stored| stored.record.latest.at >= floor)
            .map(|stored| {
                let latest = stored.record.latest;
                let id = match stored.id {
                    FactId::Commit(oid) => format!("commit:{oid}"),
                    other => other.to_string(),
                };
                let (user, at) = (latest.user.to_string(), latest.at.as_unix());
                let LocChange { additions, deletions } = latest.loc;
                self.shown((stored.key.id.to_string(), id, user, at, additions, deletions))
            })
            .collect()
    }

    /// The ids of all stored facts that are not deleted, regardless of age.
    pub async fn ids(&self) -> BTreeSet<String> {
        let page = self.store.scan(None, usize::MAX).await.expect("a store");
        let present = page.records.into_iter().filter(|stored| !stored.record.latest.gone);
        present.map(|stored| stored.id.to_string()).collect()
    }

    /// The simulator's facts as of now.
    pub fn truth(&self) -> BTreeSet<FactRow> {
        let floor = (self.first_seen - HISTORY).as_unix();
        let facts = self.sim.truth().facts(self.sim.now()).into_iter();
        facts
            .filter(|fact| fact.at.as_second() >= floor && fact.org == ORG)
            .map(|fact| {
                let id = format!("{}:{}", fact.kind.as_str(), fact.id);
                self.shown((fact.repo_id, id, fact.user, fact.at.as_second(), fact.additions, fact.deletions))
            })
            .collect()
    }

    /// Over REST, lines of code that no series shows any more are not collected, and count as 0.
    fn shown(&self, loc_events: FactRow) -> FactRow {
        let (repo, id, user, at, additions, deletions) = loc_events;
        let is_shown = self.includes_loc || at >= last_complete_week(self.clock.now()).from().as_unix();
        let (additions, deletions) = if is_shown { (additions, deletions) } else { (0, 0) };
        (repo, id, user, at, additions, deletions)
    }

    /// Checks that the stored facts are the simulator's.
    pub async fn assert_matches_ground_truth(&self, when: &str) {
        let (stored, truth) = (self.stored().await, self.truth());
        let missing: Vec<_> = truth.difference(&stored).take(5).collect();
        let surplus: Vec<_> = stored.difference(&truth).take(5).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{when}: missing {missing:#?}, too many {surplus:#?}"
        );
    }
}

//! The adapter and the scraper before the simulator, without the rest of a replica; cycles run when told to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_supervisor::Observable;
use actix_supervisor::{ActorRef, ChildSpec, RootHandle, Strategy, SupervisorSpec, start_root};
use github_sim::{Options, Simulator, StatisticsOptions, World};
use github_stats::config::{Config, GithubApi, HttpUrl, OrgConfig, Secret};
use github_stats::github::{NoMeter, RequestMeter};
use github_stats::replica::Quotas;
use github_stats::runtime::{loc_settings, organisation, quotas};
use github_stats_actors::activity::{
    ActivitySettings, DAY, FactId, LocChange, Timestamp, last_complete_week,
};
use github_stats_actors::clock::Clock;
use github_stats_actors::event::{Event, NoObserver, Observer};
use github_stats_actors::loc::LocSource;
use github_stats_actors::queue::{DispatchSettings, JobStores, MemoryQueue, QueueActor, QueueSettings};
use github_stats_actors::role::{Epoch, RoleView, RoleWatch, SchedulingAuthority};
use github_stats_actors::scheduler::{
    Collector, CollectorSettings, CycleReport, CycleResult, HistorySettings, OrgScraper, RunCycle,
    ScraperSettings,
};
use github_stats_actors::store::{FactStore, MemoryStore, PublishedView, StoreActor, StoreSettings};
use tokio::time::Instant;

/// What the simulator takes for a token.
pub const TOKEN: &str = "secret";
/// The organisation.
pub const ORG: &str = "acme";
/// Time between two cycles.
pub const INTERVAL: Duration = Duration::from_secs(300);
const HISTORY: i64 = 14 * DAY;
const EPOCH: Epoch = Epoch(1);

/// A fact, whoever tells it: repository, kind and id, user, time, lines.
pub type Told = (String, String, String, i64, u64, u64);

/// What was told of lines.
#[derive(Default)]
pub struct ToldLines {
    views: Mutex<Vec<LocSource>>,
    exhausted: AtomicUsize,
}

impl ToldLines {
    /// Mode and incompleteness of a repository, as last told.
    pub fn of(&self, repo: &str) -> Option<(&'static str, bool)> {
        let views = self.views.lock().expect("no panic");
        views.iter().find(|view| view.repo.as_str() == repo).map(|view| (view.mode, view.incomplete))
    }

    /// How often the budget of an hour was told to be used up.
    pub fn exhausted(&self) -> usize {
        self.exhausted.load(Ordering::Relaxed)
    }
}

impl Observer for ToldLines {
    fn on_event(&self, event: Event<'_>) {
        match event {
            Event::LinesRead { repositories, .. } => {
                *self.views.lock().expect("no panic") = repositories.to_vec();
            }
            Event::LinesBudgetExhausted { .. } => _ = self.exhausted.fetch_add(1, Ordering::Relaxed),
            _ => {}
        }
    }
}

/// The stage.
pub struct Stage {
    pub sim: Simulator,
    pub clock: Arc<Clock>,
    store: Arc<MemoryStore>,
    scraper: ActorRef<OrgScraper>,
    tells_lines: bool,
    pub told: Arc<ToldLines>,
    pub quotas: Quotas,
    first_seen: Timestamp,
    _root: RootHandle,
}

/// A simulator whose clock stands still unless moved, and whose secondary limits do not bind.
pub fn simulator(options: Options, world: impl FnOnce(jiff::Timestamp) -> World) -> Simulator {
    let simulator = Simulator::start(World::new(), options.frozen()).expect("a simulator");
    let made = world(simulator.now());
    simulator.edit(|world| *world = made);
    simulator
}

/// A token with so many points an hour.
pub fn options(points: u32) -> Options {
    let tokens = vec![github_sim::Token::new(TOKEN).hourly_limit(points)];
    // Statistics without lines leave it to single commits, which are exact.
    let statistics = StatisticsOptions { pending: 0, zero_from: 0, ..StatisticsOptions::default() };
    Options { tokens, statistics, ..Options::default() }.without_secondary_limits()
}

/// A configuration that asks this simulator.
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

impl Stage {
    /// Sets the stage for the first organisation of a configuration.
    pub fn new(sim: Simulator, config: &Config) -> Self {
        let first_seen = Timestamp::from_unix(sim.now().as_second());
        Self::over(sim, Arc::new(MemoryStore::new()), first_seen, config)
    }

    /// The same world and store, with everything else started anew.
    pub fn restarted(self, config: &Config) -> Self {
        let Stage { sim, store, first_seen, .. } = self;
        Self::over(sim, store, first_seen, config)
    }

    fn over(sim: Simulator, store: Arc<MemoryStore>, first_seen: Timestamp, config: &Config) -> Self {
        let clock = Clock::starting_at(Timestamp::from_unix(sim.now().as_second()));
        let meter: Arc<dyn RequestMeter> = Arc::new(NoMeter);
        let made = organisation(config, &config.github.orgs[0], &clock, &meter).expect("a source");
        let quotas = quotas(std::slice::from_ref(&made));
        let told = Arc::new(ToldLines::default());
        let tells_lines = made.source.tells_lines();
        let (store_actor, queue_actor) = (ActorRef::new("store"), ActorRef::new("queue"));
        let scraper = ActorRef::new("scraper");
        let role = RoleWatch::new("static");
        let until = Instant::now() + Duration::from_secs(3_600);
        role.set(RoleView::leader("static", EPOCH, until));
        let history = HistorySettings { retention: 30 * DAY, history: HISTORY };
        let collector = Collector::new(CollectorSettings {
            org: ORG.into(),
            source: made.source,
            store: store_actor.clone(),
            clock: clock.clone(),
            history,
        });
        let store_settings = StoreSettings {
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
        let queue_settings = QueueSettings {
            queue: Arc::new(MemoryQueue::new()),
            books: JobStores::in_memory(&dispatch),
            dispatch,
            clock: clock.clone(),
            state: Observable::default(),
            observer: Arc::new(NoObserver),
        };
        let scraper_settings = ScraperSettings {
            collector,
            queue: queue_actor.clone(),
            concurrency: 4,
            role,
            lines: loc_settings(config),
            observer: told.clone(),
        };
        let root = start_root(
            SupervisorSpec::new("root", Strategy::OneForOne)
                .child(ChildSpec::actor(&store_actor, move || StoreActor::new(store_settings.clone())))
                .child(ChildSpec::actor(&queue_actor, move || QueueActor::new(queue_settings.clone())))
                .child(ChildSpec::actor(&scraper, move || OrgScraper::new(scraper_settings.clone()))),
        )
        .expect("no name is used twice");
        Stage { sim, clock, store, scraper, tells_lines, told, quotas, first_seen, _root: root }
    }

    /// Runs one cycle.
    pub async fn cycle(&self) -> CycleReport {
        let message = RunCycle { mandate: SchedulingAuthority::Leader(EPOCH), due: self.clock.now() };
        self.scraper.call_persistently(message, Duration::from_secs(600)).await.expect("a scraper")
    }

    /// Runs one cycle that must succeed.
    pub async fn good_cycle(&self) -> CycleReport {
        let report = self.cycle().await;
        assert_eq!(report.result, CycleResult::Success, "{report:?}");
        report
    }

    /// Moves GitHub's time, and ours with it.
    pub fn advance(&self, by: Duration) {
        self.sim.advance(by);
        let now = Timestamp::from_unix(self.sim.now().as_second());
        self.clock.observe(now, Instant::now(), Instant::now());
    }

    /// Points spent since the log was reset.
    pub fn points(&self) -> u64 {
        self.sim.points_used("core") + self.sim.points_used("graphql")
    }

    /// What is stored and not gone, since the beginning of history.
    pub async fn stored(&self) -> BTreeSet<Told> {
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
                let LocChange { additions, deletions } = latest.lines;
                self.shown((stored.key.id.to_string(), id, user, at, additions, deletions))
            })
            .collect()
    }

    /// Ids of what is stored and not gone, however old.
    pub async fn ids(&self) -> BTreeSet<String> {
        let page = self.store.scan(None, usize::MAX).await.expect("a store");
        let present = page.records.into_iter().filter(|stored| !stored.record.latest.gone);
        present.map(|stored| stored.id.to_string()).collect()
    }

    /// What there is to be found now.
    pub fn truth(&self) -> BTreeSet<Told> {
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

    /// Over REST, lines that no series shows any more are not asked for.
    fn shown(&self, told: Told) -> Told {
        let (repo, id, user, at, additions, deletions) = told;
        let is_shown = self.tells_lines || at >= last_complete_week(self.clock.now()).from().as_unix();
        let (additions, deletions) = if is_shown { (additions, deletions) } else { (0, 0) };
        (repo, id, user, at, additions, deletions)
    }

    /// What is stored is what there is.
    pub async fn assert_true(&self, when: &str) {
        let (stored, truth) = (self.stored().await, self.truth());
        let missing: Vec<_> = truth.difference(&stored).take(5).collect();
        let surplus: Vec<_> = stored.difference(&truth).take(5).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{when}: missing {missing:#?}, too many {surplus:#?}"
        );
    }
}

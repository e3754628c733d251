//! The whole tree in virtual time, over a scripted source and the memory store.

use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::testing::in_virtual_time;
use actix_supervisor::{Exit, Fault};
use github_stats_actors::activity::{DAY, Fact, FactId, FactKind, LocChange, MINUTE, OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::health::Status;
use github_stats_actors::maintenance::Pause;
use github_stats_actors::observer::NoObserver;
use github_stats_actors::role::{
    Elector, Epoch, MemoryLease, Resign, Role, RoleView, SchedulingAuthority, Shard, StaticElector,
};
use github_stats_actors::scheduler::OrgState;
use github_stats_actors::source::{ScriptedSource, SourceErrorKind};
use github_stats_actors::store::{FactStore, MemoryStore};

use tokio::time::Instant;

use super::{BackfillQueue, Organisation, Stores, Tree, TreeParts, start};
use crate::config::Config;
use crate::github::quota::{RateLimiter, RateLimiterSettings};

const START: Timestamp = Timestamp::from_unix(1_800_000_000);
const LEASE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(300);

struct Stage {
    tree: Tree,
    source: ScriptedSource,
    clock: Arc<Clock>,
}

fn fixed(role: Role) -> Arc<dyn Elector> {
    Arc::new(StaticElector::new(role, LEASE, "a test"))
}

impl Stage {
    fn new() -> Self {
        Self::on(Stores::with_facts(Arc::new(MemoryStore::new())), Role::Leader)
    }

    fn on(stores: Stores, role: Role) -> Self {
        Self::electing(stores, vec![fixed(role)], &Config::default())
    }

    fn electing(stores: Stores, electors: Vec<Arc<dyn Elector>>, config: &Config) -> Self {
        let clock = Clock::starting_at(START);
        let source = ScriptedSource::new(clock.clone());
        let organisation = Organisation {
            org: "acme".into(),
            source: Arc::new(source.clone()),
            rate_limiter: RateLimiter::new(RateLimiterSettings::default(), clock.clone()),
            interval: INTERVAL,
            concurrency: 4,
        };
        let parts = TreeParts {
            stores,
            organisations: vec![organisation],
            clock: clock.clone(),
            electors,
            backfill: BackfillQueue::in_memory(),
            observer: Arc::new(NoObserver),
            probes: Vec::new(),
            fleet: None,
        };
        let tree = start(config, parts).expect("no id is used twice");
        Stage { tree, source, clock }
    }

    /// Reviews of the last 24 hours that the series show of a user in a repository.
    fn reviews(&self, repo: &str, user: &str) -> Option<u64> {
        let published = self.tree.shown.published.latest()?;
        let row = published.series.rows().find(|r| r.repo.as_str() == repo && r.user.as_str() == user)?;
        Some(row.gauges.day.get(FactKind::Review))
    }

    fn org_state(&self) -> OrgState {
        self.tree.shown.scheduler.get().organisations[&OrgName::from("acme")].state
    }

    fn coverage_ratio(&self) -> f64 {
        let state = self.tree.shown.scheduler.get();
        state.organisations[&OrgName::from("acme")].completeness.map_or(0.0, |c| c.coverage_ratio)
    }

    async fn end(self) {
        assert_eq!(self.tree.root.shutdown(Duration::from_secs(10)).await, Exit::Shutdown);
    }
}

fn review(number: u64, user: &str, at: Timestamp) -> Fact {
    Fact { id: FactId::Review(number), user: user.into(), at, loc: LocChange::default() }
}

async fn pass(minutes: i64) {
    tokio::time::sleep(Duration::from_secs((minutes * MINUTE).unsigned_abs())).await;
}

#[test]
fn what_happens_shows_and_ages() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        let almost_a_day_ago = START - DAY + 20 * MINUTE;
        stage.source.add("R_1", [review(1, "ada", almost_a_day_ago), review(2, "ada", START + 10 * MINUTE)]);
        pass(1).await;
        assert_eq!(stage.reviews("R_1", "ada"), Some(1));
        pass(15).await;
        assert_eq!(stage.reviews("R_1", "ada"), Some(2), "the next cycle sees what is new");
        assert_eq!(stage.coverage_ratio(), 1.0);
        pass(5).await;
        assert_eq!(stage.reviews("R_1", "ada"), Some(1), "the older one is a day old now");
        stage.end().await;
    });
}

#[test]
fn what_is_paused_is_neither_scraped_nor_repaired_and_catches_up_afterwards() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        for repo in ["R_1", "R_2"] {
            stage.source.add(repo, []);
        }
        pass(1).await;
        stage.source.fail("R_2", Some(SourceErrorKind::Unavailable));
        stage.source.add("R_1", [review(1, "ada", START + 4 * MINUTE)]);
        stage.source.add("R_2", [review(2, "ada", START + 4 * MINUTE)]);
        pass(5).await;
        let shown = || (stage.reviews("R_1", "ada"), stage.reviews("R_2", "ada"));
        assert_eq!(shown(), (Some(1), None), "a job is on its way");
        let now = stage.clock.now();
        let pause = Pause {
            org: "acme".into(),
            reason: "a test".into(),
            by: "ann".into(),
            from: now,
            until: now + 30 * MINUTE,
        };
        stage.tree.maintenance.start(&pause).await.expect("stored");
        stage.source.fail("R_2", None);
        stage.source.add("R_1", [review(3, "ada", now + MINUTE)]);
        pass(29).await;
        assert_eq!(shown(), (Some(1), None));
        let health = stage.tree.shown.health.get();
        let component = &health.components["maintenance"];
        assert_eq!((component.status, health.mode), (Status::Degraded, Status::Degraded));
        // Assessed a moment ago, when perhaps more than a minute was left.
        let told =
            ["1 min", "2 min"].map(|left| format!("scraping of acme is paused for another {left}: a test"));
        assert!(told.contains(&component.detail), "{}", component.detail);
        pass(3).await;
        assert_eq!(shown(), (Some(2), Some(1)));
        assert_eq!(stage.coverage_ratio(), 1.0);
        assert_eq!(stage.tree.shown.health.get().mode, Status::Healthy);
        stage.end().await;
    });
}

#[test]
fn a_repository_that_failed_is_repaired_by_the_queue_before_the_next_cycle() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        stage.source.add("R_1", [review(1, "ada", START)]);
        stage.source.add("R_2", [review(2, "ada", START)]);
        stage.source.add("R_3", []);
        pass(1).await;
        stage.source.fail("R_2", Some(SourceErrorKind::Unavailable));
        stage.source.add("R_2", [review(3, "ada", START + 4 * MINUTE)]);
        pass(5).await;
        assert_eq!(stage.reviews("R_2", "ada"), Some(1));
        stage.source.fail("R_2", None);
        pass(3).await;
        assert_eq!(stage.reviews("R_2", "ada"), Some(2), "a worker collected it between two cycles");
        assert_eq!(stage.tree.shown.queue.get().stats.depth, 0);
        stage.end().await;
    });
}

#[test]
fn an_organisation_that_keeps_failing_is_left_alone_and_recovers() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        stage.source.add("R_1", [review(1, "ada", START)]);
        pass(1).await;
        stage.source.fail_listing(Some(SourceErrorKind::Unavailable));
        stage.source.add("R_1", [review(2, "ada", START + 20 * MINUTE)]);
        pass(31).await;
        assert!(matches!(stage.org_state(), OrgState::Cooldown { .. }), "six cycles failed");
        stage.source.fail_listing(None);
        pass(6).await;
        assert!(matches!(stage.org_state(), OrgState::Recovering { .. }));
        assert_eq!(stage.reviews("R_1", "ada"), Some(2), "the first cycle goes on where coverage ended");
        pass(15).await;
        assert!(matches!(stage.org_state(), OrgState::Healthy { .. }));
        assert_eq!(stage.coverage_ratio(), 1.0);
        stage.end().await;
    });
}

#[test]
fn any_actor_may_be_broken_at_any_time_and_the_numbers_come_out_right() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        let ids = ["store", "role", "queue", "worker-1", "scraper-acme", "scheduler", "health", "workers"];
        for (number, id) in (0..).zip(ids.iter().cycle().take(40)) {
            let at = stage.clock.now();
            stage.source.add("R_1", [review(number, "ada", at)]);
            let fault = if number % 2 == 0 { Fault::Panic } else { Fault::Stop };
            let _ = stage.tree.root.inject(*id, fault);
            pass(1).await;
        }
        pass(10).await;
        assert_eq!(stage.reviews("R_1", "ada"), Some(40));
        assert!(stage.tree.root.tree().is_up());
        assert!(stage.tree.shown.health.get().ready);
        stage.end().await;
    });
}

#[test]
fn a_follower_shows_what_the_leader_wrote_within_a_second() {
    in_virtual_time(|| async {
        let stores = Stores::with_facts(Arc::new(MemoryStore::new()));
        let leader = Stage::on(stores.clone(), Role::Leader);
        let follower = Stage::on(stores, Role::Follower);
        leader.source.add("R_1", [review(1, "ada", START)]);
        while leader.reviews("R_1", "ada") != Some(1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(follower.reviews("R_1", "ada"), Some(1));
        let rows = |stage: &Stage| {
            stage.tree.shown.published.latest().expect("loaded").series.rows().cloned().collect::<Vec<_>>()
        };
        assert_eq!(rows(&follower), rows(&leader));
        leader.end().await;
        follower.end().await;
    });
}

// === Leadership ===

/// Two replicas on one store, who compete for one lease.
struct Rivals {
    lease: Arc<MemoryLease>,
    store: Arc<MemoryStore>,
    stages: [Stage; 2],
}

impl Rivals {
    async fn start() -> Self {
        let lease = MemoryLease::new(LEASE, 1.0, Duration::from_millis(20));
        let (store, config) = (Arc::new(MemoryStore::new()), Config::default());
        let stage = |name| {
            let elector = lease.elector(name, config.leader_election.renew_deadline);
            Stage::electing(Stores::with_facts(store.clone()), vec![Arc::new(elector)], &config)
        };
        let one = stage("one");
        pass(1).await;
        let two = stage("two");
        Rivals { stages: [one, two], lease, store }
    }

    async fn end(self) {
        for stage in self.stages {
            stage.end().await;
        }
    }
}

async fn until_collecting(stage: &Stage) {
    while stage.source.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_new_leader_goes_on_at_once_where_coverage_ends() {
    in_virtual_time(|| async {
        let rivals = Rivals::start().await;
        let [one, two] = &rivals.stages;
        one.source.add("R_1", [review(1, "ada", START)]);
        pass(10).await;
        let first = one.tree.shown.roles.first().leads().expect("it leads");
        assert_eq!((two.tree.shown.roles.first().leads(), two.source.requests().len()), (None, 0));
        two.source.add("R_1", [review(1, "ada", START), review(2, "ada", START + 10 * MINUTE)]);
        let before = Instant::now();
        one.tree.roles[0].call(Resign).await.expect("it answers");
        while two.reviews("R_1", "ada") != Some(2) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(before.elapsed() < Duration::from_secs(1), "it took {:?}", before.elapsed());
        assert!(two.tree.shown.roles.first().leads().expect("it leads") > first);
        let asked = &two.source.requests()[0];
        assert!(asked.since > START, "what was covered is not asked for again: {asked:?}");
        rivals.end().await;
    });
}

#[test]
fn whoever_loses_leadership_drops_its_work_within_a_tenth_of_a_second() {
    in_virtual_time(|| async {
        let rivals = Rivals::start().await;
        let [one, two] = &rivals.stages;
        one.source.slow_down(Duration::from_secs(600));
        two.source.slow_down(Duration::from_secs(600));
        one.source.add("R_1", [review(1, "ada", START)]);
        two.source.add("R_1", [review(1, "ada", START)]);
        until_collecting(one).await;
        let authority = one.tree.shown.roles.first().authority().expect("it leads");
        rivals.lease.cut("one", true);
        one.tree.shown.roles.first().ended(authority).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(one.source.in_flight(), 0);
        until_collecting(two).await;
        assert_eq!(one.tree.shown.roles.first().leads(), None);
        rivals.end().await;
    });
}

#[test]
fn a_scheduler_whose_role_nobody_renews_stops_by_itself() {
    in_virtual_time(|| async {
        let store = Arc::new(MemoryStore::new());
        let mut config = Config::default();
        // The role actor looks once and then not for the length of the test: as good as dead.
        config.leader_election.retry_period = Duration::from_secs(3600);
        let electors = vec![fixed(Role::Follower)];
        let stage = Stage::electing(Stores::with_facts(store.clone()), electors, &config);
        stage.source.add("R_1", [review(1, "ada", START)]);
        stage.source.slow_down(Duration::from_secs(600));
        pass(1).await;
        assert_eq!(stage.source.in_flight(), 0);
        let epoch = FactStore::begin_epoch(store.as_ref(), Shard::WHOLE, Epoch(0)).await.expect("an epoch");
        let until = Instant::now() + LEASE;
        stage.tree.shown.roles.first().set(RoleView::leader("static", epoch, until));
        until_collecting(&stage).await;
        tokio::time::sleep_until(until + Duration::from_millis(100)).await;
        let asked = stage.source.requests().len();
        assert_eq!(stage.source.in_flight(), 0);
        pass(30).await;
        assert_eq!((stage.source.in_flight(), stage.source.requests().len()), (0, asked), "nothing is begun");
        stage.end().await;
    });
}

#[test]
fn an_organisation_is_scraped_by_the_leader_of_its_shard_only() {
    in_virtual_time(|| async {
        for shard in Shard::all(3) {
            let role = |other: Shard| if other == shard { Role::Leader } else { Role::Follower };
            let electors = Shard::all(3).map(role).map(fixed).collect();
            let stores = Stores::with_facts(Arc::new(MemoryStore::new()));
            let stage = Stage::electing(stores, electors, &Config::default());
            stage.source.add("R_1", [review(1, "ada", START)]);
            pass(10).await;
            let is_led = shard.holds(&OrgName::from("acme"));
            assert_eq!(stage.reviews("R_1", "ada").is_some(), is_led, "shard {shard}");
            assert_eq!(stage.source.requests().is_empty(), !is_led, "shard {shard}");
            stage.end().await;
        }
    });
}

#[test]
fn a_leader_that_the_store_refuses_steps_down_before_its_next_cycle() {
    in_virtual_time(|| async {
        let rivals = Rivals::start().await;
        let [one, _] = &rivals.stages;
        one.source.add("R_1", [review(1, "ada", START)]);
        pass(1).await;
        let epoch = one.tree.shown.roles.first().leads().expect("it leads");
        let later =
            FactStore::begin_epoch(rivals.store.as_ref(), Shard::WHOLE, epoch).await.expect("an epoch");
        one.tree.shown.roles.first().ended(SchedulingAuthority::Leader(epoch)).await;
        let cycles = one.source.requests().len();
        pass(1).await;
        assert!(
            one.tree.shown.roles.first().leads().expect("it holds the lease") > later,
            "under an epoch of its own"
        );
        assert!(one.source.requests().len() >= cycles);
        rivals.end().await;
    });
}

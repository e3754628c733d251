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
    Elector, Epoch, MemoryLease, Resign, Role, RoleView, Roles, SchedulingAuthority, Shard, StaticElector,
};
use github_stats_actors::scheduler::OrgState;
use github_stats_actors::source::{ScriptedSource, SourceErrorKind};
use github_stats_actors::store::{FactStore, MemoryStore};
use tokio::time::Instant;

use super::{BackfillQueue, Organisation, Stores, Tree, TreeParts, start};
use crate::config::Config;
use crate::github::quota::{RateLimiter, RateLimiterSettings};
use crate::replica::ReplicaState;

const START: Timestamp = Timestamp::from_unix(1_800_000_000);
const LEASE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(300);

struct ReplicaFixture {
    tree: Tree,
    source: ScriptedSource,
    clock: Arc<Clock>,
}

fn fixed(role: Role) -> Arc<dyn Elector> {
    Arc::new(StaticElector::new(role, LEASE, "a test"))
}

impl ReplicaFixture {
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
        let roles = Roles::new(electors[0].basis(), electors.len() as u32);
        let parts = TreeParts {
            state: ReplicaState::new("replica-0", clock.clone(), roles),
            stores,
            organisations: vec![organisation],
            electors,
            backfill: BackfillQueue::in_memory(),
            observer: Arc::new(NoObserver),
            probes: Vec::new(),
            exchange: None,
        };
        let tree = start(config, parts).expect("no id is used twice");
        ReplicaFixture { tree, source, clock }
    }

    /// Reviews of the last 24 hours by a user in a repository, as exposed.
    fn reviews(&self, repo: &str, user: &str) -> Option<u64> {
        let published = self.tree.state.series.latest()?;
        let row = published.series.rows().find(|r| r.repo.as_str() == repo && r.user.as_str() == user)?;
        Some(row.gauges.day.get(FactKind::Review))
    }

    fn org_state(&self) -> OrgState {
        self.tree.state.scheduler.get().organisations[&OrgName::from("acme")].state
    }

    fn coverage_ratio(&self) -> f64 {
        let state = self.tree.state.scheduler.get();
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
fn activity_appears_and_ages() {
    in_virtual_time(|| async {
        let replica = ReplicaFixture::new();
        let almost_a_day_ago = START - DAY + 20 * MINUTE;
        replica
            .source
            .add("R_1", [review(1, "ada", almost_a_day_ago), review(2, "ada", START + 10 * MINUTE)]);
        pass(1).await;
        assert_eq!(replica.reviews("R_1", "ada"), Some(1));
        pass(15).await;
        assert_eq!(replica.reviews("R_1", "ada"), Some(2), "the next cycle sees what is new");
        assert_eq!(replica.coverage_ratio(), 1.0);
        pass(5).await;
        assert_eq!(replica.reviews("R_1", "ada"), Some(1), "the older one is a day old now");
        replica.end().await;
    });
}

#[test]
fn a_paused_organisation_is_neither_scraped_nor_repaired_and_catches_up_afterwards() {
    in_virtual_time(|| async {
        let replica = ReplicaFixture::new();
        for repo in ["R_1", "R_2"] {
            replica.source.add(repo, []);
        }
        pass(1).await;
        replica.source.fail("R_2", Some(SourceErrorKind::Unavailable));
        replica.source.add("R_1", [review(1, "ada", START + 4 * MINUTE)]);
        replica.source.add("R_2", [review(2, "ada", START + 4 * MINUTE)]);
        pass(5).await;
        let reviews = || (replica.reviews("R_1", "ada"), replica.reviews("R_2", "ada"));
        assert_eq!(reviews(), (Some(1), None), "a job is on its way");
        let now = replica.clock.now();
        let pause = Pause {
            org: "acme".into(),
            reason: "a test".into(),
            by: "ann".into(),
            from: now,
            until: now + 30 * MINUTE,
        };
        replica.tree.maintenance.start(&pause).await.expect("stored");
        replica.source.fail("R_2", None);
        replica.source.add("R_1", [review(3, "ada", now + MINUTE)]);
        pass(29).await;
        assert_eq!(reviews(), (Some(1), None));
        let health = replica.tree.state.health.get();
        let component = &health.components["maintenance"];
        assert_eq!((component.status, health.mode), (Status::Degraded, Status::Degraded));
        // Assessed a moment ago, when perhaps more than a minute was left.
        let expected =
            ["1 min", "2 min"].map(|left| format!("scraping of acme is paused for another {left}: a test"));
        assert!(expected.contains(&component.detail), "{}", component.detail);
        pass(3).await;
        assert_eq!(reviews(), (Some(2), Some(1)));
        assert_eq!(replica.coverage_ratio(), 1.0);
        assert_eq!(replica.tree.state.health.get().mode, Status::Healthy);
        replica.end().await;
    });
}

#[test]
fn a_repository_that_failed_is_repaired_by_the_queue_before_the_next_cycle() {
    in_virtual_time(|| async {
        let replica = ReplicaFixture::new();
        replica.source.add("R_1", [review(1, "ada", START)]);
        replica.source.add("R_2", [review(2, "ada", START)]);
        replica.source.add("R_3", []);
        pass(1).await;
        replica.source.fail("R_2", Some(SourceErrorKind::Unavailable));
        replica.source.add("R_2", [review(3, "ada", START + 4 * MINUTE)]);
        pass(5).await;
        assert_eq!(replica.reviews("R_2", "ada"), Some(1));
        replica.source.fail("R_2", None);
        pass(3).await;
        assert_eq!(replica.reviews("R_2", "ada"), Some(2), "a worker collected it between two cycles");
        assert_eq!(replica.tree.state.queue.get().stats.depth, 0);
        replica.end().await;
    });
}

#[test]
fn an_organisation_that_keeps_failing_enters_cooldown_and_recovers() {
    in_virtual_time(|| async {
        let replica = ReplicaFixture::new();
        replica.source.add("R_1", [review(1, "ada", START)]);
        pass(1).await;
        replica.source.fail_listing(Some(SourceErrorKind::Unavailable));
        replica.source.add("R_1", [review(2, "ada", START + 20 * MINUTE)]);
        pass(31).await;
        assert!(matches!(replica.org_state(), OrgState::Cooldown { .. }), "six cycles failed");
        replica.source.fail_listing(None);
        pass(6).await;
        assert!(matches!(replica.org_state(), OrgState::Recovering { .. }));
        assert_eq!(replica.reviews("R_1", "ada"), Some(2), "the first cycle continues where coverage ended");
        pass(15).await;
        assert!(matches!(replica.org_state(), OrgState::Healthy { .. }));
        assert_eq!(replica.coverage_ratio(), 1.0);
        replica.end().await;
    });
}

#[test]
fn any_actor_may_fail_at_any_time_without_loss_of_activity() {
    in_virtual_time(|| async {
        let replica = ReplicaFixture::new();
        let ids = ["store", "role", "queue", "worker-1", "scraper-acme", "scheduler", "health", "workers"];
        for (number, id) in (0..).zip(ids.iter().cycle().take(40)) {
            let at = replica.clock.now();
            replica.source.add("R_1", [review(number, "ada", at)]);
            let fault = if number % 2 == 0 { Fault::Panic } else { Fault::Stop };
            let _ = replica.tree.root.inject(*id, fault);
            pass(1).await;
        }
        pass(10).await;
        assert_eq!(replica.reviews("R_1", "ada"), Some(40));
        assert!(replica.tree.root.tree().is_up());
        assert!(replica.tree.state.health.get().ready);
        replica.end().await;
    });
}

#[test]
fn a_follower_shows_what_the_leader_wrote_within_a_second() {
    in_virtual_time(|| async {
        let stores = Stores::with_facts(Arc::new(MemoryStore::new()));
        let leader = ReplicaFixture::on(stores.clone(), Role::Leader);
        let follower = ReplicaFixture::on(stores, Role::Follower);
        leader.source.add("R_1", [review(1, "ada", START)]);
        while leader.reviews("R_1", "ada") != Some(1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(follower.reviews("R_1", "ada"), Some(1));
        let rows = |replica: &ReplicaFixture| {
            replica.tree.state.series.latest().expect("loaded").series.rows().cloned().collect::<Vec<_>>()
        };
        assert_eq!(rows(&follower), rows(&leader));
        leader.end().await;
        follower.end().await;
    });
}

// === Leadership ===

/// Two replicas on one store that compete for one lease.
struct Rivals {
    lease: Arc<MemoryLease>,
    store: Arc<MemoryStore>,
    replicas: [ReplicaFixture; 2],
}

impl Rivals {
    async fn start() -> Self {
        let lease = MemoryLease::new(LEASE, 1.0, Duration::from_millis(20));
        let (store, config) = (Arc::new(MemoryStore::new()), Config::default());
        let replica = |name| {
            let elector = lease.elector(name, config.leader_election.renew_deadline);
            ReplicaFixture::electing(Stores::with_facts(store.clone()), vec![Arc::new(elector)], &config)
        };
        let one = replica("one");
        pass(1).await;
        let two = replica("two");
        Rivals { replicas: [one, two], lease, store }
    }

    async fn end(self) {
        for replica in self.replicas {
            replica.end().await;
        }
    }
}

async fn until_collecting(replica: &ReplicaFixture) {
    while replica.source.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_new_leader_continues_at_once_where_coverage_ends() {
    in_virtual_time(|| async {
        let rivals = Rivals::start().await;
        let [one, two] = &rivals.replicas;
        one.source.add("R_1", [review(1, "ada", START)]);
        pass(10).await;
        let first = one.tree.state.roles.first().leads().expect("it leads");
        assert_eq!((two.tree.state.roles.first().leads(), two.source.requests().len()), (None, 0));
        two.source.add("R_1", [review(1, "ada", START), review(2, "ada", START + 10 * MINUTE)]);
        let before = Instant::now();
        one.tree.roles[0].call(Resign).await.expect("it answers");
        while two.reviews("R_1", "ada") != Some(2) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(before.elapsed() < Duration::from_secs(1), "it took {:?}", before.elapsed());
        assert!(two.tree.state.roles.first().leads().expect("it leads") > first);
        let asked = &two.source.requests()[0];
        assert!(asked.since > START, "what was covered is not asked for again: {asked:?}");
        rivals.end().await;
    });
}

#[test]
fn a_replica_that_loses_leadership_drops_its_work_within_a_tenth_of_a_second() {
    in_virtual_time(|| async {
        let rivals = Rivals::start().await;
        let [one, two] = &rivals.replicas;
        one.source.slow_down(Duration::from_secs(600));
        two.source.slow_down(Duration::from_secs(600));
        one.source.add("R_1", [review(1, "ada", START)]);
        two.source.add("R_1", [review(1, "ada", START)]);
        until_collecting(one).await;
        let authority = one.tree.state.roles.first().authority().expect("it leads");
        rivals.lease.cut("one", true);
        one.tree.state.roles.first().ended(authority).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(one.source.in_flight(), 0);
        until_collecting(two).await;
        assert_eq!(one.tree.state.roles.first().leads(), None);
        rivals.end().await;
    });
}

#[test]
fn a_scheduler_stops_by_itself_when_its_role_is_not_renewed() {
    in_virtual_time(|| async {
        let store = Arc::new(MemoryStore::new());
        let mut config = Config::default();
        // The role actor makes one attempt, and no second one during the test: as good as dead.
        config.leader_election.retry_period = Duration::from_secs(3600);
        let electors = vec![fixed(Role::Follower)];
        let replica = ReplicaFixture::electing(Stores::with_facts(store.clone()), electors, &config);
        replica.source.add("R_1", [review(1, "ada", START)]);
        replica.source.slow_down(Duration::from_secs(600));
        pass(1).await;
        assert_eq!(replica.source.in_flight(), 0);
        let epoch = FactStore::begin_epoch(store.as_ref(), Shard::WHOLE, Epoch(0)).await.expect("an epoch");
        let until = Instant::now() + LEASE;
        replica.tree.state.roles.first().set(RoleView::leader("static", epoch, until));
        until_collecting(&replica).await;
        tokio::time::sleep_until(until + Duration::from_millis(100)).await;
        let asked = replica.source.requests().len();
        assert_eq!(replica.source.in_flight(), 0);
        pass(30).await;
        assert_eq!(
            (replica.source.in_flight(), replica.source.requests().len()),
            (0, asked),
            "nothing is begun"
        );
        replica.end().await;
    });
}

#[test]
fn an_organisation_is_scraped_by_the_leader_of_its_shard_only() {
    in_virtual_time(|| async {
        for shard in Shard::all(3) {
            let role = |other: Shard| if other == shard { Role::Leader } else { Role::Follower };
            let electors = Shard::all(3).map(role).map(fixed).collect();
            let stores = Stores::with_facts(Arc::new(MemoryStore::new()));
            let replica = ReplicaFixture::electing(stores, electors, &Config::default());
            replica.source.add("R_1", [review(1, "ada", START)]);
            pass(10).await;
            let is_led = shard.holds(&OrgName::from("acme"));
            assert_eq!(replica.reviews("R_1", "ada").is_some(), is_led, "shard {shard}");
            assert_eq!(replica.source.requests().is_empty(), !is_led, "shard {shard}");
            replica.end().await;
        }
    });
}

#[test]
fn a_leader_that_the_store_refuses_steps_down_before_its_next_cycle() {
    in_virtual_time(|| async {
        let rivals = Rivals::start().await;
        let [one, _] = &rivals.replicas;
        one.source.add("R_1", [review(1, "ada", START)]);
        pass(1).await;
        let epoch = one.tree.state.roles.first().leads().expect("it leads");
        let later =
            FactStore::begin_epoch(rivals.store.as_ref(), Shard::WHOLE, epoch).await.expect("an epoch");
        one.tree.state.roles.first().ended(SchedulingAuthority::Leader(epoch)).await;
        let cycles = one.source.requests().len();
        pass(1).await;
        assert!(
            one.tree.state.roles.first().leads().expect("it holds the lease") > later,
            "under an epoch of its own"
        );
        assert!(one.source.requests().len() >= cycles);
        rivals.end().await;
    });
}

//! The whole tree in virtual time, over a scripted source and the memory store.

use std::sync::Arc;
use std::time::Duration;

use github_stats_actors::activity::{DAY, Fact, FactId, Kind, Lines, MINUTE, OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::event::NoObserver;
use github_stats_actors::scheduler::{OrgState, ScriptedSource, SourceErrorKind};
use github_stats_actors::store::MemoryStore;
use github_stats_actors::supervision::testing::in_virtual_time;
use github_stats_actors::supervision::{Exit, Fault};

use super::{Backfill, Organisation, Parts, Stores, Tree, start};
use crate::config::{Config, InitialRole};
use crate::github::quota::{Room, RoomSettings};

const START: Timestamp = Timestamp::from_unix(1_800_000_000);
const INTERVAL: Duration = Duration::from_secs(300);

struct Stage {
    tree: Tree,
    source: ScriptedSource,
    clock: Arc<Clock>,
}

impl Stage {
    fn new() -> Self {
        Self::on(Stores::with_facts(Arc::new(MemoryStore::new())), InitialRole::Leader)
    }

    fn on(stores: Stores, initial_role: InitialRole) -> Self {
        let clock = Clock::starting_at(START);
        let source = ScriptedSource::new(clock.clone());
        let organisation = Organisation {
            org: "acme".into(),
            source: Arc::new(source.clone()),
            room: Room::new(RoomSettings::default(), clock.clone()),
            interval: INTERVAL,
            concurrency: 4,
        };
        let parts = Parts {
            stores,
            organisations: vec![organisation],
            clock: clock.clone(),
            initial_role,
            backfill: Backfill::in_memory(),
            observer: Arc::new(NoObserver),
            probes: Vec::new(),
            fleet: None,
        };
        let tree = start(&Config::default(), parts).expect("no id is used twice");
        Stage { tree, source, clock }
    }

    /// Reviews of the last 24 hours that the series show of a user in a repository.
    fn reviews(&self, repo: &str, user: &str) -> Option<u64> {
        let published = self.tree.shown.published.latest()?;
        let row =
            published.series.rows.iter().find(|r| r.repo.as_str() == repo && r.user.as_str() == user)?;
        Some(row.gauges.day.get(Kind::Review))
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
    Fact { id: FactId::Review(number), user: user.into(), at, lines: Lines::default() }
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
        let leader = Stage::on(stores.clone(), InitialRole::Leader);
        let follower = Stage::on(stores, InitialRole::Follower);
        leader.source.add("R_1", [review(1, "ada", START)]);
        while leader.reviews("R_1", "ada") != Some(1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(follower.reviews("R_1", "ada"), Some(1));
        let rows = |stage: &Stage| stage.tree.shown.published.latest().expect("loaded").series.rows.clone();
        assert_eq!(rows(&follower), rows(&leader));
        leader.end().await;
        follower.end().await;
    });
}

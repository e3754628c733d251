//! Failover from a master to one of its replicas.
//!
//! Redis replicates asynchronously, so a failover may lose the last acknowledged writes. Guaranteed
//! is that facts and their coverage are lost together, so that the gap is detected and collected
//! again, that followers notice it, and that writing again repairs it.

use std::sync::Arc;
use std::time::Duration;

use github_stats::redis::RedisServers;
use github_stats::store::RedisStore;
use github_stats_actors::activity::{RepoKey, Window};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{ChangePosition, FactStore, LogChanges, MemoryStore};
use tokio::time::{Instant, sleep};

use super::stress::Follower;
use super::{Contents, batch, contents, host_port, key, moment, plain, store};
use crate::support::redis::SentinelSetup;

/// Records of each batch.
const COUNT: u64 = 20;
/// Upper bound for the unavailability of the store during a failover.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Checks that every covered batch has all its facts.
async fn assert_coverage_has_its_facts(store: &RedisStore, numbers: u64) {
    let (states, records) = contents(store).await;
    for state in states {
        for number in 0..numbers {
            let covered = Window::new(moment(2 * number), moment(2 * number + 1)).expect("a second");
            let count =
                records.iter().filter(|r| r.key == state.key && r.record.latest.at == moment(number)).count();
            if state.coverage.covers(covered) {
                assert_eq!(count as u64, COUNT, "batch {number} of {} is covered", state.key);
            }
        }
    }
}

/// The stored contents after writing everything again; `None` if a write failed.
async fn written_again(writer: &RedisStore, keys: &[RepoKey], numbers: u64) -> Option<Contents> {
    for number in 0..numbers {
        for key in keys {
            writer.write(batch(key, number, COUNT)).await.ok()?;
        }
    }
    Some(contents(writer).await)
}

/// The next epoch. Retries, because a client that failed to connect during the failover reconnects
/// only after a pause.
async fn issued(store: &RedisStore) -> Epoch {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match store.begin_epoch(Shard::WHOLE, Epoch(0)).await {
            Ok(epoch) => return epoch,
            Err(error) => assert!(Instant::now() < deadline, "no epoch is issued: {error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn writing_continues_after_a_failover_and_repairs_what_it_lost() {
    let mut setup = SentinelSetup::start().await;
    let sentinels = || setup.sentinels.iter().map(host_port).collect();
    let settings =
        plain(RedisServers::Sentinel { sentinels: sentinels(), master_set: "mymaster".to_owned() });
    let (writer, other) = (store(settings.clone(), "test-failover"), store(settings, "test-failover"));
    let keys = [key("acme", "R_1"), key("acme", "R_2"), key("zeta", "R_1")];
    let epoch = writer.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("an epoch");
    let mut follower = Follower::new(other.clone()).await;

    let old = setup.master().await;
    let (mut number, mut failures, mut killed_at) = (0, 0, None);
    let mut since_back = 0;
    while since_back < 30 {
        if number == 100 && killed_at.is_none() {
            setup.servers[old].kill();
            killed_at = Some(Instant::now());
        }
        for key in &keys {
            match writer.write(batch(key, number, COUNT)).await {
                Ok(_) => since_back += usize::from(failures > 0),
                Err(_) => failures += 1,
            }
        }
        // A failed follow keeps its position.
        let _ = follower.follow().await;
        number += 1;
        assert!(killed_at.is_none_or(|at| at.elapsed() < TIMEOUT), "there was no failover");
        if failures > 0 && since_back == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    }
    println!("away for at most {:?}, {failures} writes failed", killed_at.expect("killed").elapsed());
    assert_coverage_has_its_facts(&writer, number).await;

    let next = issued(&other).await;
    assert!(next > epoch, "{next} is issued after {epoch}");
    let model = MemoryStore::new();
    for number in 0..number {
        for key in &keys {
            model.write(batch(key, number, COUNT)).await.expect("written");
        }
    }
    let model = contents(&model).await;
    let deadline = Instant::now() + TIMEOUT;
    // On a busy machine sentinels may replace a master that is alive; that loss is repaired in the
    // same way.
    while written_again(&writer, &keys, number).await.is_none_or(|healed| healed != model) {
        assert!(Instant::now() < deadline, "writing again does not repair the loss");
    }
    follower.catch_up().await;
    assert_eq!(follower.contents(), contents(writer.as_ref()).await);
}

#[tokio::test]
#[ignore = "needs redis-server; tests/run runs it"]
async fn a_change_log_that_a_failover_truncated_is_detected_even_after_new_writes() {
    let (master, replica) = tokio::join!(
        crate::support::redis::RedisServer::start(&[]),
        crate::support::redis::RedisServer::start(&[])
    );
    let api = key("acme", "R_1");
    let (before, after) = (
        store(super::standalone_settings(&master), "test-fork"),
        store(super::standalone_settings(&replica), "test-fork"),
    );
    before.write(batch(&api, 0, 5)).await.expect("written");
    let _: () = replica.ask(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await;
    replica.wait_for::<String>(&["INFO", "replication"], |text| text.contains("master_link_status:up")).await;
    // The replica is promoted without the last write, and gets another write instead.
    let _: () = replica.ask(&["REPLICAOF", "NO", "ONE"]).await;
    before.write(batch(&api, 1, 5)).await.expect("written");
    let position: ChangePosition = before.position().await.expect("a position");
    after.write(batch(&api, 2, 5)).await.expect("written");
    let reached = after.position().await.expect("a position");
    assert_eq!(reached.0[&api.org].sequence, position.0[&api.org].sequence, "the numbers are alike");
    assert!(matches!(after.changes(&position).await.expect("changes"), LogChanges::Lost));
    after.write(batch(&api, 3, 5)).await.expect("written");
    assert!(matches!(after.changes(&position).await.expect("changes"), LogChanges::Lost));
    let _: Arc<RedisStore> = before;
}

//! Fault injection into the actors of the real binary while it scrapes, checked against the
//! simulator's ground truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use github_sim::Simulator;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, interval, sleep};

use crate::support::{Replica, busy_world, config, settle, simulator, soak};

const MODES: [&str; 3] = ["panic", "hang", "stop"];

/// The actors that the admin API lists.
async fn actors(replica: &Replica) -> Vec<Value> {
    let (status, text) = replica.get("/api/admin/actors").await;
    assert_eq!(status, 200, "{text}");
    let listed: Value = serde_json::from_str(&text).expect("JSON");
    listed["actors"].as_array().expect("a list").clone()
}

async fn ids(replica: &Replica) -> Vec<String> {
    actors(replica).await.iter().map(|actor| actor["id"].as_str().expect("an id").to_owned()).collect()
}

async fn break_actor(replica: &Replica, id: &str, mode: &str) -> Option<u16> {
    replica.post(&format!("/api/admin/chaos/actors/{id}?mode={mode}")).await.map(|(status, _)| status)
}

/// Requests a path every few milliseconds until `stop` is set; returns the number of requests.
async fn watch(replica: Arc<Replica>, path: &'static str, stop: Arc<AtomicBool>) -> usize {
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let (status, text) = replica.get(path).await;
        assert_eq!(status, 200, "{path} after {asked} answers: {text}\n{}", replica.log());
        asked += 1;
        sleep(Duration::from_millis(20)).await;
    }
    asked
}

async fn scraping(simulator: &Simulator, folder: &TempDir) -> Replica {
    let replica = Replica::serve(folder.path(), &config(simulator, "acme")).await;
    settle(&replica, simulator, simulator.now()).await;
    replica
}

#[tokio::test]
async fn random_actor_failures_interrupt_no_response_and_lose_no_fact() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let first_seen = simulator.now();
    let replica = Arc::new(scraping(&simulator, &folder).await);
    let stop = Arc::new(AtomicBool::new(false));
    let watches: Vec<_> = ["/metrics", "/livez"]
        .map(|path| tokio::spawn(watch(replica.clone(), path, stop.clone())))
        .into_iter()
        .collect();
    let ids = ids(&replica).await;
    assert!(ids.len() >= 12, "{ids:?}");
    let mut rng = StdRng::seed_from_u64(11);
    let mut beat = interval(Duration::from_millis(100));
    let (mut accepted, faults) = (0, if soak() { 600 } else { 120 });
    for number in 0..faults {
        beat.tick().await;
        let id = ids.choose(&mut rng).expect("an actor");
        let mode = MODES[rng.random_range(0..MODES.len())];
        accepted += usize::from(break_actor(&replica, id, mode).await == Some(202));
        if number % 10 == 0 {
            simulator.advance(Duration::from_secs(600));
        }
    }
    assert!(accepted > faults / 3, "only {accepted} of {faults} faults hit a running actor");
    settle(&replica, &simulator, first_seen).await;
    stop.store(true, Ordering::Relaxed);
    for watch in watches {
        let asked = watch.await.expect("every answer was a 200");
        assert!(asked > 50, "it was asked {asked} times");
    }
    let restarts: u64 = actors(&replica).await.iter().filter_map(|actor| actor["restarts"].as_u64()).sum();
    assert!(restarts as usize >= accepted / 2, "{restarts} restarts after {accepted} faults");
}

/// Breaks one actor until the process exits; returns the exit code.
async fn kill_beyond_intensity(replica: &mut Replica, id: &str) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if break_actor(replica, id, "panic").await.is_none() {
            return replica.wait(Duration::from_secs(15)).await.code();
        }
        assert!(Instant::now() < deadline, "it never gives up on {id}:\n{}", replica.log());
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_actor_that_keeps_dying_ends_the_process_and_a_restart_is_complete() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let first_seen = simulator.now();
    let mut replica = scraping(&simulator, &folder).await;
    let all = ids(&replica).await;
    // The short run breaks one actor of each kind; a soak breaks all, including root and
    // supervisors.
    let some = ["store", "worker-1", "scraper-acme", "health"];
    let victims: Vec<&String> = all.iter().filter(|id| soak() || some.contains(&id.as_str())).collect();
    assert!(victims.len() >= some.len(), "{all:?}");
    for id in victims {
        let code = kill_beyond_intensity(&mut replica, id).await;
        assert!(code.is_some_and(|code| code != 0), "{id}: {code:?}\n{}", replica.log());
        simulator.advance(Duration::from_secs(1800));
        replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
        settle(&replica, &simulator, first_seen).await;
    }
}

#[tokio::test]
async fn the_chaos_route_names_what_it_cannot_break() {
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = scraping(&simulator, &folder).await;
    assert_eq!(break_actor(&replica, "nobody", "panic").await, Some(404));
    assert_eq!(break_actor(&replica, "store", "tickle").await, Some(400));
    let store =
        actors(&replica).await.into_iter().find(|actor| actor["id"] == "store").expect("a store actor");
    for key in ["parent", "state", "incarnation", "restarts", "mailbox_depth", "seconds_since_heartbeat"] {
        assert!(store.get(key).is_some(), "{key} is missing: {store}");
    }
}

//! What the store in Redis costs. Run by hand, as `docs/PERFORMANCE.md` describes:
//!
//! ```sh
//! cargo test --release --test it redis::measurements -- --ignored --nocapture
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use github_stats::store::RedisStore;
use github_stats_actors::activity::{Batch, Fact, FactId, LocChange, Oid, Record, RepoKey, RepoMeta, Window};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{FactStore, SharedState, SharedTable};
use redis::Pipeline;
use tokio::time::{Instant, sleep};

use super::{key, moment, standalone_settings, store};
use crate::support::redis::RedisServer;

const REPOSITORIES: u64 = 200;
const BATCHES: u64 = 10;
const RECORDS: u64 = 500;
const FACTS: u64 = REPOSITORIES * BATCHES * RECORDS;
/// Batches that are written at a time.
const AT_A_TIME: usize = 16;

fn repository(number: u64) -> RepoKey {
    key("acme", &format!("R_kgDO{number:08}"))
}

/// Commits by thirty people, spread over thirty days.
fn commits(repository_number: u64, number: u64) -> Batch {
    let meta = RepoMeta { seen_at: moment(number), name: "api".into(), first_seen: moment(0) };
    let mut batch = Batch::new(repository(repository_number), meta);
    batch.records = (0..RECORDS)
        .map(|n| {
            let serial = (repository_number * BATCHES + number) * RECORDS + n;
            let mut oid = [0x5a; 20];
            oid[..8].copy_from_slice(&serial.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
            let id = FactId::Commit(Oid::from_bytes(oid));
            let at = moment(serial.wrapping_mul(7_919) % (30 * 86_400));
            let user = format!("contributor-{}", serial % 30).as_str().into();
            let loc = LocChange { additions: serial % 400, deletions: serial % 90 };
            (id, Record::observed(&Fact { id, user, at, loc }, moment(30 * 86_400)))
        })
        .collect();
    batch.covered.insert(Window::new(moment(number), moment(number + 1)).expect("a second"));
    batch
}

/// All batches, ordered so that no two of one repository are adjacent.
fn batches() -> impl Iterator<Item = (u64, u64)> {
    (0..BATCHES).flat_map(|number| (0..REPOSITORIES).map(move |repository| (repository, number)))
}

async fn write_all(store: &Arc<RedisStore>) -> Duration {
    let begun = Instant::now();
    stream::iter(batches())
        .map(|(repository, number)| {
            let store = store.clone();
            async move { store.write(commits(repository, number)).await.expect("written") }
        })
        .buffer_unordered(AT_A_TIME)
        .for_each(|_| async {})
        .await;
    begun.elapsed()
}

/// The same reads and writes with the client library alone: no join, no check, no script.
async fn write_raw(server: &RedisServer) -> Duration {
    let client = redis::Client::open(format!("redis://{}", server.address())).expect("a client");
    let connection = client.get_multiplexed_async_connection().await.expect("connected");
    let begun = Instant::now();
    stream::iter(batches())
        .map(|(repository, number)| {
            let mut connection = connection.clone();
            async move {
                let batch = commits(repository, number);
                let (repos, facts) =
                    ("raw:{acme}:repos", format!("raw:{{acme}}:facts:{}", batch.key.id.as_str()));
                let ids: Vec<Vec<u8>> = batch.records.iter().map(|(id, _)| id_bytes(*id)).collect();
                let mut read = Pipeline::new();
                read.cmd("HGET").arg(repos).arg(batch.key.id.as_str());
                read.cmd("HMGET").arg(&facts).arg(&ids);
                let _: (Option<Vec<u8>>, Vec<Option<Vec<u8>>>) =
                    read.query_async(&mut connection).await.expect("read");
                let mut write = Pipeline::new();
                write.cmd("HINCRBY").arg("raw:{acme}:meta").arg("sequence").arg(1).ignore();
                write.cmd("HSET").arg(&facts);
                for ((_, record), id) in batch.records.iter().zip(&ids) {
                    write.arg(id).arg(format!("{:034}", record.latest.at.as_unix()));
                }
                write.ignore();
                write.cmd("HSET").arg(repos).arg(batch.key.id.as_str()).arg([b'x'; 300].as_slice()).ignore();
                write.cmd("XADD").arg("raw:{acme}:log").arg("MAXLEN").arg("~").arg(10_000).arg("*");
                write.arg("f").arg(ids.concat()).ignore();
                let _: () = write.query_async(&mut connection).await.expect("written");
            }
        })
        .buffer_unordered(AT_A_TIME)
        .for_each(|()| async {})
        .await;
    begun.elapsed()
}

fn id_bytes(id: FactId) -> Vec<u8> {
    match id {
        FactId::Commit(oid) => [&[0], oid.as_bytes().as_slice()].concat(),
        other => other.to_string().into_bytes(),
    }
}

async fn used_memory(server: &RedisServer) -> u64 {
    let info: String = server.ask(&["INFO", "memory"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("the memory in use");
    line.trim().parse().expect("a number")
}

fn rate(took: Duration) -> f64 {
    FACTS as f64 / took.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement; see docs/PERFORMANCE.md"]
async fn a_million_facts() {
    let server = RedisServer::start(&["save \"\""]).await;
    let raw = write_raw(&server).await;
    let _: () = server.ask(&["FLUSHALL"]).await;
    let empty = used_memory(&server).await;
    let store = store(standalone_settings(&server), "ghs");
    let own = write_all(&store).await;
    let bytes = (used_memory(&server).await - empty) as f64 / FACTS as f64;
    println!(
        "write: {:.0} facts/s, bare client {:.0} facts/s, {:.2}x",
        rate(own),
        rate(raw),
        rate(own) / rate(raw)
    );
    println!("memory of redis: {bytes:.0} bytes a fact");
    let again = write_all(&store).await;
    println!("the same again: {:.0} facts/s", rate(again));

    let begun = Instant::now();
    let (mut from, mut count) = (None, 0);
    loop {
        let page = store.scan(from, 5_000).await.expect("a page");
        count += page.records.len() as u64;
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    assert_eq!(count, FACTS);
    println!("load: {:.2} s", begun.elapsed().as_secs_f64());
    collect_a_day(&store).await;
}

/// One garbage collection of all repositories, with a concurrent client that makes small requests.
async fn collect_a_day(store: &Arc<RedisStore>) {
    let epoch = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("an epoch");
    let done = Arc::new(AtomicBool::new(false));
    let asker = tokio::spawn({
        let (store, done) = (store.clone(), done.clone());
        async move {
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                store.get(SharedTable::Jobs, "key").await.expect("answered");
                longest = longest.max(begun.elapsed());
                sleep(Duration::from_millis(1)).await;
            }
            longest
        }
    });
    let begun = Instant::now();
    let (mut longest, mut removed) = (Duration::ZERO, 0);
    for number in 0..REPOSITORIES {
        let begun = Instant::now();
        let floor = moment(86_400);
        let collected = store.collect_garbage(&repository(number), floor, epoch).await.expect("collected");
        removed += collected.expect("known").removed;
        longest = longest.max(begun.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    println!(
        "garbage: {removed} facts of {REPOSITORIES} repositories in {:.2} s, longest call {:.1} ms, longest wait of others {:.1} ms",
        begun.elapsed().as_secs_f64(),
        longest.as_secs_f64() * 1e3,
        asker.await.expect("it ended well").as_secs_f64() * 1e3,
    );
}

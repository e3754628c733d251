//! Many concurrent writers of several replicas on the same repositories.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use github_stats::store::RedisStore;
use github_stats_actors::activity::{
    Batch, Fact, FactId, FactKind, HeadRead, LocChange, Oid, Record, RepoKey, RepoMeta, RepoState, Window,
};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{
    ChangePosition, FactStore, LogChanges, MemoryStore, StoreError, StoredRecord,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::{batch, contents, fresh_prefix, key, moment, standalone_settings, store};
use crate::support::redis::RedisServer;

async fn server() -> &'static RedisServer {
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();
    SERVER.get_or_init(|| RedisServer::start(&["save \"\""])).await
}

/// Loads everything once and applies every later change, as a replica does.
pub struct Follower {
    store: Arc<RedisStore>,
    position: ChangePosition,
    states: BTreeMap<RepoKey, RepoState>,
    records: BTreeMap<(RepoKey, FactId), Record>,
}

impl Follower {
    pub async fn new(store: Arc<RedisStore>) -> Follower {
        let mut follower = Follower {
            store,
            position: ChangePosition::default(),
            states: BTreeMap::new(),
            records: BTreeMap::new(),
        };
        follower.load().await.expect("loaded");
        follower
    }

    async fn load(&mut self) -> Result<(), StoreError> {
        self.position = self.store.position().await?;
        (self.states, self.records) = (BTreeMap::new(), BTreeMap::new());
        let (states, records) = contents(self.store.as_ref()).await;
        self.states.extend(states.into_iter().map(|state| (state.key.clone(), state)));
        self.records.extend(records.into_iter().map(|r| ((r.key, r.id), r.record)));
        Ok(())
    }

    /// Applies what changed; returns whether there was anything.
    pub async fn follow(&mut self) -> Result<bool, StoreError> {
        match self.store.changes(&self.position).await? {
            LogChanges::Lost => {
                self.load().await?;
                Ok(true)
            }
            LogChanges::Changes { changes, position, .. } => {
                let moved = position != self.position;
                self.position = position;
                for change in changes {
                    let (key, floor) = (change.state.key.clone(), change.state.floor);
                    self.states.insert(key.clone(), change.state);
                    self.records
                        .extend(change.changed.into_iter().map(|(id, record)| ((key.clone(), id), record)));
                    self.records.retain(|(of, _), record| *of != key || record.latest.at >= floor);
                }
                Ok(moved)
            }
        }
    }

    pub async fn catch_up(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.follow().await.expect("followed") {
            assert!(Instant::now() < deadline, "there is always more");
        }
    }

    pub fn contents(&self) -> (Vec<RepoState>, Vec<StoredRecord>) {
        let records = self.records.iter();
        let records = records.map(|((key, id), record)| StoredRecord {
            key: key.clone(),
            id: *id,
            record: record.clone(),
        });
        (self.states.values().cloned().collect(), records.collect())
    }
}

fn random_batch(random: &mut StdRng) -> Batch {
    let key = key("acme", &format!("R_{}", random.random_range(0..3)));
    let seen_at = random.random_range(0..1_000);
    let name = format!("name-at-{seen_at}").as_str().into();
    let mut batch = Batch::new(key, RepoMeta { seen_at: moment(seen_at), name, first_seen: moment(seen_at) });
    for _ in 0..random.random_range(0..20) {
        let id = FactId::Commit(Oid::from_bytes([random.random_range(0..60); 20]));
        let user = format!("user-{}", random.random_range(0..4)).as_str().into();
        let (at, seen) = (moment(random.random_range(0..50)), moment(random.random_range(0..1_000)));
        let loc = LocChange { additions: random.random_range(0..3), deletions: 0 };
        let record = Record::observed(&Fact { id, user, at, loc }, seen);
        let gone = random.random_range(0..5) == 0;
        batch.records.push((id, if gone { record.marked_gone(seen) } else { record }));
    }
    for _ in 0..random.random_range(0..3) {
        let from = random.random_range(0..5_000);
        let window = Window::new(moment(from), moment(from + random.random_range(1..100)));
        batch.covered.insert(window.expect("not empty"));
    }
    let oid = Some(Oid::from_bytes([random.random_range(0..9); 20]));
    batch.head = Some(HeadRead { read_at: moment(seen_at), oid });
    batch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server; tests/run runs it"]
async fn concurrent_writers_of_two_replicas_produce_the_same_as_one_writer() {
    let server = server().await;
    let prefix = fresh_prefix();
    let replicas = [store(standalone_settings(server), &prefix), store(standalone_settings(server), &prefix)];
    let mut random = StdRng::seed_from_u64(7);
    let batches: Vec<Batch> = (0..600).map(|_| random_batch(&mut random)).collect();
    let model = MemoryStore::new();
    for batch in batches.iter().rev() {
        model.write(batch.clone()).await.expect("written");
    }
    let writers = (0..16).map(|writer| {
        let store = replicas[writer % 2].clone();
        let own: Vec<Batch> = batches.iter().skip(writer).step_by(16).cloned().collect();
        tokio::spawn(async move {
            for batch in own {
                store.write(batch).await.expect("written");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut follower = Follower::new(store(standalone_settings(server), &prefix)).await;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        follower.follow().await.expect("followed");
        sleep(Duration::from_millis(5)).await;
    }
    join_all(writers).await.into_iter().for_each(|writer| writer.expect("it ended well"));
    let expected = contents(&model).await;
    assert_eq!(contents(replicas[0].as_ref()).await, expected);
    follower.catch_up().await;
    assert_eq!(follower.contents(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server; tests/run runs it"]
async fn garbage_collection_during_writes_counts_everything_once() {
    let server = server().await;
    let prefix = fresh_prefix();
    let replicas = [store(standalone_settings(server), &prefix), store(standalone_settings(server), &prefix)];
    let api = key("acme", "R_1");
    let epoch = replicas[0].begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("an epoch");
    // Enough records of the same time for several steps.
    for number in 0..4 {
        replicas[0].write(batch(&api, number, 4_000)).await.expect("written");
    }
    let mut position = replicas[1].position().await.expect("a position");
    let writers = replicas.iter().enumerate().map(|(replica, store)| {
        let (store, api) = (store.clone(), api.clone());
        tokio::spawn(async move {
            let mut refused = 0;
            for number in 0..100 {
                let number = 4 + 2 * number + replica as u64;
                refused += store.write(batch(&api, number, 5)).await.expect("written").refused;
            }
            refused
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut removed = 0;
    for floor in [2, 3, 10, 50, 120] {
        let collected = replicas[0].collect_garbage(&api, moment(floor), epoch).await.expect("collected");
        removed += collected.expect("the floor rises").removed;
        sleep(Duration::from_millis(20)).await;
    }
    let refused: usize =
        join_all(writers).await.into_iter().map(|writer| writer.expect("it ended well")).sum();
    let (states, records) = contents(replicas[1].as_ref()).await;
    let counted = states[0].base["ada"].get(FactKind::IssueComment) as usize;
    assert_eq!(counted, removed);
    assert_eq!(counted + records.len() + refused, 16_000 + 1_000, "every fact is there, counted, or refused");
    assert!(records.iter().all(|record| record.record.latest.at >= moment(120)));
    // In each step of the log, base and records of the state are consistent.
    let mut last = None;
    while let LogChanges::Changes { changes, position: reached, .. } =
        replicas[1].changes(&position).await.expect("changes")
    {
        if reached == position {
            break;
        }
        position = reached;
        last = changes.into_iter().last().map(|change| change.state).or(last);
    }
    assert_eq!(last.as_ref(), Some(&states[0]));
}

//! Outages of the shared store, in virtual time.

use std::collections::BTreeMap;
use std::sync::Mutex as StdMutex;

use actix::Actor;
use actix_supervisor::Observable;
use actix_supervisor::testing::in_virtual_time;
use proptest::prelude::*;
use tokio::time::{advance, sleep};

use super::*;
use crate::activity::{
    ActivitySettings, Coverage, Fact, FactKind, HeadRead, LocChange, Oid, RepoMeta, WEEK, Window,
};
use crate::clock::Clock;
use crate::observer::NoObserver;
use crate::role::RoleWatch;
use crate::store::{
    MemoryState, MemoryStore, PublishedView, SharedTable, StoreActor, StoreParts, Write, WriteSource,
};

/// A store that can become unreachable, and lose its data.
#[derive(Default)]
struct FlakyStore {
    store: StdMutex<Arc<MemoryStore>>,
    away: StdMutex<Option<StoreError>>,
}

impl FlakyStore {
    fn set_away(&self, error: Option<StoreError>) {
        *self.away.lock().unwrap() = error;
    }

    fn empty(&self) {
        *self.store.lock().unwrap() = Arc::default();
    }

    fn present(&self) -> Result<Arc<MemoryStore>, StoreError> {
        match self.away.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(self.store.lock().unwrap().clone()),
        }
    }
}

#[async_trait]
impl FactStore for FlakyStore {
    async fn write(&self, batch: Batch) -> Result<WriteSummary, StoreError> {
        self.present()?.write(batch).await
    }
    async fn repositories(&self, org: &OrgName) -> Result<Vec<RepoState>, StoreError> {
        self.present()?.repositories(org).await
    }
    async fn organisations(&self) -> Result<Vec<OrgName>, StoreError> {
        self.present()?.organisations().await
    }
    async fn records(&self, key: &RepoKey, since: Timestamp) -> Result<Vec<(FactId, Record)>, StoreError> {
        self.present()?.records(key, since).await
    }
    async fn scan(&self, from: Option<ScanCursor>, limit: usize) -> Result<RecordPage, StoreError> {
        self.present()?.scan(from, limit).await
    }
    async fn collect_garbage(
        &self,
        key: &RepoKey,
        floor: Timestamp,
        epoch: Epoch,
    ) -> Result<Option<GarbageCollected>, StoreError> {
        self.present()?.collect_garbage(key, floor, epoch).await
    }
    async fn begin_epoch(&self, shard: Shard, after: Epoch) -> Result<Epoch, StoreError> {
        self.present()?.begin_epoch(shard, after).await
    }
    async fn confirm_epoch(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.present()?.confirm_epoch(epoch).await
    }
    async fn position(&self) -> Result<ChangePosition, StoreError> {
        self.present()?.position().await
    }
    async fn changes(&self, since: &ChangePosition) -> Result<LogChanges, StoreError> {
        self.present()?.changes(since).await
    }
}

/// A replica's two stores, and its position in the log of the shared one.
struct Replica {
    store: MirroredStore,
    local: Arc<MemoryStore>,
    marks: Arc<MemoryState>,
    position: Option<ChangePosition>,
}

impl Replica {
    async fn with(shared: &Arc<FlakyStore>, local: Arc<MemoryStore>, marks: Arc<MemoryState>) -> Self {
        let store = MirroredStore::new(shared.clone(), local.clone(), marks.clone()).await.expect("marks");
        Replica { store, local, marks, position: None }
    }

    async fn new(shared: &Arc<FlakyStore>) -> Self {
        Self::with(shared, Arc::default(), Arc::default()).await
    }

    /// What the store actor does four times a second.
    async fn follow(&mut self) {
        let Some(position) = &self.position else {
            self.position = self.store.position().await.ok();
            return;
        };
        match self.store.changes(position).await {
            Ok(LogChanges::Changes { position, .. }) => self.position = Some(position),
            Ok(LogChanges::Lost) => self.position = self.store.position().await.ok(),
            Err(_) => {}
        }
    }

    async fn settle(&mut self) {
        for _ in 0..8 {
            sleep(RETRY_DELAY).await;
            self.follow().await;
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

fn batch(repo: u8, number: u64) -> Batch {
    let key = RepoKey { org: "acme".into(), id: format!("R_{repo}").into() };
    let moment = i64::try_from(number).expect("small");
    let fact =
        Fact { id: FactId::Review(number), user: "ada".into(), at: at(moment), loc: LocChange::default() };
    Batch {
        records: vec![(fact.id, Record::observed(&fact, at(moment)))],
        covered: Window::new(at(moment), at(moment + 1)).into_iter().collect::<Coverage>(),
        head: Some(HeadRead { read_at: at(moment), oid: Some(Oid::from_bytes([repo; 20])) }),
        ..Batch::new(key, RepoMeta { seen_at: at(moment), name: "api".into(), first_seen: at(0) })
    }
}

type Contents = (Vec<RepoState>, BTreeMap<(RepoKey, FactId), Record>);

async fn contents(store: &dyn FactStore) -> Contents {
    let states = store.repositories(&"acme".into()).await.expect("states");
    let page = store.scan(None, usize::MAX).await.expect("records");
    (states, page.records.into_iter().map(|r| ((r.key, r.id), r.record)).collect())
}

fn away() -> Option<StoreError> {
    Some(StoreError::Unavailable("connection refused".into()))
}

#[tokio::test(start_paused = true)]
async fn facts_collected_during_an_outage_reach_the_shared_store_afterwards() {
    let (shared, model) = (Arc::new(FlakyStore::default()), MemoryStore::new());
    let mut replica = Replica::new(&shared).await;
    replica.settle().await;
    for number in 0..60 {
        let batch = batch((number % 30) as u8, number);
        match number {
            20 => shared.set_away(away()),
            40 => shared.set_away(Some(StoreError::Full("maxmemory".into()))),
            _ => {}
        }
        replica.store.write(batch.clone()).await.expect("an outage refuses nothing");
        model.write(batch).await.expect("written");
        replica.follow().await;
    }
    assert_eq!(contents(&replica.store).await.1.len(), 60, "copied and newly collected facts are served");
    shared.set_away(None);
    replica.settle().await;
    assert_eq!(contents(shared.as_ref()).await, contents(&model).await);
    assert_eq!(contents(replica.local.as_ref()).await, contents(&model).await);
    assert_eq!(replica.marks.entries(SharedTable::Unsent).await.expect("marks"), []);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_starts_without_the_shared_store_serves_its_copy_and_sends_it_later() {
    let shared = Arc::new(FlakyStore::default());
    let mut first = Replica::new(&shared).await;
    first.settle().await;
    first.store.write(batch(1, 1)).await.expect("written");
    first.settle().await;
    shared.set_away(away());
    first.store.write(batch(1, 2)).await.expect("written locally");
    let (local, marks) = (first.local.clone(), first.marks.clone());
    drop(first);
    let mut second = Replica::with(&shared, local, marks).await;
    second.settle().await;
    assert!(second.position.is_none());
    assert_eq!(contents(&second.store).await.1.len(), 2);
    shared.set_away(None);
    second.settle().await;
    assert_eq!(contents(shared.as_ref()).await.1.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_shared_store_that_lost_its_data_is_restored() {
    let shared = Arc::new(FlakyStore::default());
    let (mut one, mut other) = (Replica::new(&shared).await, Replica::new(&shared).await);
    one.settle().await;
    other.settle().await;
    let epoch = one.store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
    for number in 0..50 {
        let writer = if number % 2 == 0 { &one } else { &other };
        writer.store.write(batch((number % 5) as u8, number)).await.expect("written");
    }
    one.store.collect_garbage(&batch(0, 0).key, at(12), epoch).await.expect("collected");
    one.settle().await;
    other.settle().await;
    let before = contents(shared.as_ref()).await;
    assert!(before.0[0].base["ada"].get(crate::activity::FactKind::Review) > 0);
    assert_eq!(contents(other.local.as_ref()).await, before, "every replica holds a copy");
    shared.empty();
    other.settle().await;
    one.settle().await;
    assert_eq!(contents(shared.as_ref()).await, before);
}

#[tokio::test(start_paused = true)]
async fn a_new_replica_copies_earlier_facts() {
    let shared = Arc::new(FlakyStore::default());
    for number in 0..100 {
        shared.write(batch((number % 40) as u8, number)).await.expect("written");
    }
    let mut replica = Replica::new(&shared).await;
    replica.settle().await;
    assert_eq!(contents(replica.local.as_ref()).await, contents(shared.as_ref()).await);
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_nothing_is_removed_and_the_leader_continues() {
    let shared = Arc::new(FlakyStore::default());
    let mut replica = Replica::new(&shared).await;
    replica.settle().await;
    let epoch = replica.store.begin_epoch(Shard::WHOLE, Epoch(7)).await.expect("epoch");
    assert!(epoch > Epoch(7));
    replica.store.write(batch(1, 1)).await.expect("written");
    shared.set_away(away());
    let refused = replica.store.collect_garbage(&batch(1, 1).key, at(100), epoch).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    replica.store.confirm_epoch(epoch).await.expect("the last leader continues");
    shared.set_away(None);
    shared.begin_epoch(Shard::WHOLE, epoch).await.expect("another leads");
    advance(RETRY_DELAY).await;
    replica.settle().await;
    assert!(matches!(replica.store.confirm_epoch(epoch).await, Err(StoreError::StaleEpoch { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Writes of two replicas, outages, losses and polls of the changes in any order end in the
    /// union.
    #[test]
    fn any_history_of_outages_ends_in_the_union(steps in proptest::collection::vec((0u8..10, 0u8..3, any::<bool>()), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (shared, model) = (Arc::new(FlakyStore::default()), MemoryStore::new());
            let mut replicas = [Replica::new(&shared).await, Replica::new(&shared).await];
            for (number, (step, repo, which)) in steps.into_iter().enumerate() {
                let replica = &mut replicas[usize::from(which)];
                match step {
                    0 => shared.set_away(away()),
                    1 => shared.set_away(None),
                    2 => {
                        // Only data that was copied may be lost: there is no copy of the latest
                        // changes yet.
                        shared.set_away(None);
                        replica.settle().await;
                        shared.empty();
                    }
                    3 | 4 => { sleep(RETRY_DELAY).await; replica.follow().await; }
                    _ => {
                        let batch = batch(repo, number as u64);
                        replica.store.write(batch.clone()).await.expect("an outage refuses nothing");
                        model.write(batch).await.expect("written");
                    }
                }
            }
            shared.set_away(None);
            for replica in &mut replicas { replica.settle().await; }
            for replica in &mut replicas { replica.settle().await; }
            let expected = contents(&model).await;
            assert_eq!(contents(shared.as_ref()).await, expected);
            for replica in &replicas {
                assert_eq!(contents(replica.local.as_ref()).await, expected);
            }
        });
    }
}

async fn fresh() -> Arc<dyn FactStore> {
    let shared = Arc::new(FlakyStore::default());
    let store = MirroredStore::new(shared, Arc::new(MemoryStore::new()), Arc::new(MemoryState::new()));
    let store = store.await.expect("marks");
    store.position().await.expect("the shared store is there");
    Arc::new(store)
}

crate::fact_store_contract!(contract, super::fresh);
crate::shared_store_contract!(shared, super::fresh);

/// Other replicas lack the facts that only the local store has, so counters must never include
/// them.
#[test]
fn counters_are_hidden_before_they_include_facts_that_only_the_local_store_has() {
    in_virtual_time(|| async {
        let shared = Arc::new(FlakyStore::default());
        let replica = Replica::new(&shared).await;
        let published = PublishedView::default();
        let parts = StoreParts {
            store: Arc::new(replica.store),
            activity: ActivitySettings { active_window: WEEK, retention: 4 * WEEK },
            series_budget: usize::MAX,
            role: RoleWatch::new("static"),
            clock: Clock::starting_at(at(10)),
            published: published.clone(),
            state: Observable::default(),
            observer: Arc::new(NoObserver),
        };
        let actor = StoreActor::new(parts).start();
        let write = |number| actor.send(Write { batch: batch(1, number), source: WriteSource::LeaderScrape });
        let reviews = || {
            let latest = published.latest()?;
            let totals = latest.series.rows().next()?.totals.filter(|_| !latest.series.counters_hidden);
            totals.map(|totals| totals.get(FactKind::Review))
        };
        sleep(RETRY_DELAY * 4).await;
        write(1).await.expect("alive").expect("written");
        sleep(RETRY_DELAY).await;
        assert_eq!(reviews(), Some(1));
        for number in 2..12 {
            shared.set_away(away());
            write(number).await.expect("alive").expect("an outage refuses nothing");
            for _ in 0..50 {
                sleep(Duration::from_millis(10)).await;
                assert_eq!(reviews().filter(|reviews| *reviews == number), None, "the shared store lacks it");
            }
            shared.set_away(None);
            sleep(RETRY_DELAY * 4 + Duration::from_millis(37 * number)).await;
            assert_eq!(reviews(), Some(number));
        }
    });
}

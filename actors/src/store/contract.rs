//! The contract of [`FactStore`] as tests, run against every implementation.
//!
//! Instantiate them with [`fact_store_contract!`](crate::fact_store_contract), giving an async
//! function that opens a fresh, empty store.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{
    CHANGES_KEPT, ChangePosition, FactStore, JoinOutcome, LogChanges, MemoryStore, StoreChange, StoreError,
    join,
};
use crate::activity::{
    Batch, DAY, Fact, FactCounts, FactId, FactKind, FoldedBase, HeadRead, LocChange, Login, Oid, Record,
    RepoId, RepoKey, RepoMeta, RepoState, Timestamp, Window,
};
use crate::role::{Epoch, Shard};

/// Makes a `#[tokio::test]` of every test of the contract in a module `$module`; `$open` is an
/// async function that returns a fresh and empty `Arc<dyn FactStore>`. With `ignore = "reason"`, a plain
/// `cargo test` ignores the tests and shows the reason.
#[macro_export]
macro_rules! fact_store_contract {
    ($module:ident, $open:path $(, ignore = $reason:literal)?) => {
        mod $module {
            $crate::fact_store_contract!(@tests [$(#[ignore = $reason])?] $open;
                written_data_is_read_back
                writing_again_changes_nothing
                any_order_of_batches_ends_in_the_same_state
                a_deletion_outlives_replays
                the_tip_follows_the_latest_read
                a_scan_sees_every_record_once
                garbage_collection_folds_what_it_removes
                records_older_than_the_floor_are_refused
                floors_and_bases_merge_by_maximum
                a_stale_epoch_collects_nothing
                epochs_strictly_rise
                each_shard_has_a_current_epoch
                organisations_are_kept_apart
                large_batches_are_written_whole
            );
        }
    };
    (@tests $attributes:tt $open:path; $($name:ident)*) => {
        $($crate::fact_store_contract!(@test $attributes $open; $name);)*
    };
    (@test [$($attribute:tt)*] $open:path; $name:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $name() {
            $crate::store::contract::$name($open().await).await;
        }
    };
}

/// The additional contract of stores that several replicas share: each can follow the others'
/// changes.
#[macro_export]
macro_rules! shared_store_contract {
    ($module:ident, $open:path $(, ignore = $reason:literal)?) => {
        mod $module {
            $crate::fact_store_contract!(@tests [$(#[ignore = $reason])?] $open;
                changes_after_a_position_are_reported_once
                a_follower_ends_with_the_contents_of_the_store
                a_follower_that_fell_behind_loads_everything_again
            );
        }
    };
}

const START: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

fn key(org: &str, repo: &str) -> RepoKey {
    RepoKey { org: org.into(), id: RepoId::from(repo) }
}

fn window(from: i64, to: i64) -> Window {
    Window::new(at(from), at(to)).expect("not empty")
}

fn batch(key: &RepoKey, seen: i64) -> Batch {
    let name = format!("name-at-{seen}").as_str().into();
    Batch::new(key.clone(), RepoMeta { seen_at: at(seen), name, first_seen: at(seen) })
}

fn commit(number: u8, when: i64, user: &str) -> Fact {
    Fact {
        id: FactId::Commit(Oid::from_bytes([number; 20])),
        user: Login::from(user),
        at: at(when),
        loc: LocChange { additions: u64::from(number), deletions: 1 },
    }
}

fn seen(fact: &Fact, seen: i64) -> (FactId, Record) {
    (fact.id, Record::observed(fact, at(seen)))
}

async fn contents(store: &Arc<dyn FactStore>) -> (Vec<RepoState>, Vec<(RepoKey, FactId, Record)>) {
    let mut states = Vec::new();
    for org in store.organisations().await.expect("organisations") {
        states.extend(store.repositories(&org).await.expect("repositories"));
    }
    let mut records = Vec::new();
    let mut from = None;
    loop {
        let page = store.scan(from, 7).await.expect("scan");
        records.extend(page.records.into_iter().map(|r| (r.key, r.id, r.record)));
        match page.next {
            Some(next) => from = Some(next),
            None => return (states, records),
        }
    }
}

/// Facts, coverage, tip and name are stored, and nothing else is.
pub async fn written_data_is_read_back(store: Arc<dyn FactStore>) {
    assert_eq!(contents(&store).await, (vec![], vec![]), "a fresh store is empty");
    let api = key("acme", "R_1");
    let facts = [commit(1, 10, "ada"), commit(2, 20, "bob")];
    let mut wanted = batch(&api, 100);
    wanted.records = facts.iter().map(|f| seen(f, 100)).collect();
    wanted.covered.insert(window(0, 100));
    wanted.head = Some(HeadRead { read_at: at(100), oid: Some(Oid::from_bytes([2; 20])) });
    let written = store.write(wanted.clone()).await.expect("written");
    assert_eq!((written.changed.len(), written.refused), (2, 0));
    let states = store.repositories(&api.org).await.expect("repositories");
    assert_eq!(states, vec![written.state]);
    assert_eq!(store.repository(&api).await.expect("repository").as_ref(), states.first());
    assert_eq!(store.repository(&key("acme", "R_2")).await.expect("repository"), None);
    assert_eq!(states[0].meta, wanted.meta);
    assert_eq!(states[0].head, wanted.head);
    assert_eq!(states[0].coverage, wanted.covered);
    assert_eq!(store.records(&api, at(0)).await.expect("records"), wanted.records);
    assert_eq!(store.records(&api, at(20)).await.expect("records"), wanted.records[1..]);
    assert_eq!(store.records(&key("acme", "R_2"), at(0)).await.expect("records"), vec![]);
}

/// The second write of a batch reports no change and leaves none.
pub async fn writing_again_changes_nothing(store: Arc<dyn FactStore>) {
    let api = key("acme", "R_1");
    let mut wanted = batch(&api, 100);
    wanted.records = vec![seen(&commit(1, 10, "ada"), 100)];
    wanted.covered.insert(window(0, 100));
    store.write(wanted.clone()).await.expect("written");
    let before = contents(&store).await;
    let again = store.write(wanted).await.expect("written again");
    assert!(again.changed.is_empty());
    assert_eq!(contents(&store).await, before);
}

fn arbitrary_batch() -> impl Strategy<Value = Batch> {
    let records = proptest::collection::vec((0u8..6, 0i64..50, 0u8..3, 0i64..8, any::<bool>()), 0..6);
    let covered = proptest::collection::vec((0i64..90, 1i64..30), 0..3);
    (0u8..2, 0i64..8, records, covered, proptest::option::of(0u8..4)).prop_map(
        |(repo, seen_at, records, covered, head)| {
            let key = key("acme", &format!("R_{repo}"));
            let mut batch = batch(&key, seen_at);
            batch.records = records
                .into_iter()
                .map(|(number, when, user, seen_at, gone)| {
                    let (id, record) = seen(&commit(number, when, &format!("user-{user}")), seen_at);
                    (id, if gone { record.marked_gone(at(seen_at)) } else { record })
                })
                .collect();
            batch.covered = covered.into_iter().map(|(from, len)| window(from, from + len)).collect();
            batch.head = head.map(|n| HeadRead { read_at: at(seen_at), oid: Some(Oid::from_bytes([n; 20])) });
            batch
        },
    )
}

/// Batches in another order and with repetitions lead to the same state as in a memory store that
/// got them in order.
pub async fn any_order_of_batches_ends_in_the_same_state(store: Arc<dyn FactStore>) {
    let mut runner = TestRunner::deterministic();
    let batches: Vec<Batch> = proptest::collection::vec(arbitrary_batch(), 40)
        .new_tree(&mut runner)
        .expect("batches can be generated")
        .current();
    let model: Arc<dyn FactStore> = Arc::new(MemoryStore::new());
    let mut naive: BTreeMap<(RepoKey, FactId), Record> = BTreeMap::new();
    for batch in &batches {
        model.write(batch.clone()).await.expect("written");
        for (id, record) in &batch.records {
            let slot = (batch.key.clone(), *id);
            if let JoinOutcome::Changed(joined) =
                join(naive.get(&slot).cloned(), record.clone(), Timestamp::MIN)
            {
                naive.insert(slot, joined);
            }
        }
    }
    for batch in batches.iter().rev().chain(batches.iter().step_by(3)) {
        store.write(batch.clone()).await.expect("written");
    }
    let reached = contents(&store).await;
    assert_eq!(reached, contents(&model).await);
    let records: BTreeMap<(RepoKey, FactId), Record> =
        reached.1.into_iter().map(|(k, id, r)| ((k, id), r)).collect();
    assert_eq!(records, naive);
}

/// A deleted record stays deleted when older observations are written again.
pub async fn a_deletion_outlives_replays(store: Arc<dyn FactStore>) {
    let api = key("acme", "R_1");
    let fact = commit(1, 10, "ada");
    let mut first = batch(&api, 100);
    first.records = vec![seen(&fact, 100)];
    let mut deletion = batch(&api, 200);
    deletion.records = vec![(fact.id, Record::observed(&fact, at(100)).marked_gone(at(200)))];
    for wanted in [first.clone(), deletion, first] {
        store.write(wanted).await.expect("written");
    }
    let records = store.records(&api, at(0)).await.expect("records");
    assert!(records[0].1.latest.gone);
    assert_eq!(records[0].1.first.seen_at, at(100));
}

/// The tip and the name are those of the latest read; the first sight is the earliest.
pub async fn the_tip_follows_the_latest_read(store: Arc<dyn FactStore>) {
    let api = key("acme", "R_1");
    for seen in [100, 300, 200] {
        let mut wanted = batch(&api, seen);
        wanted.head =
            Some(HeadRead { read_at: at(seen), oid: Some(Oid::from_bytes([(seen / 100) as u8; 20])) });
        store.write(wanted).await.expect("written");
    }
    let state = store.repositories(&api.org).await.expect("repositories").remove(0);
    assert_eq!(state.head.and_then(|h| h.oid), Some(Oid::from_bytes([3; 20])));
    assert_eq!((state.meta.name.as_str(), state.meta.first_seen), ("name-at-300", at(100)));
}

/// Paging through the store in small steps sees each record exactly once, in order.
pub async fn a_scan_sees_every_record_once(store: Arc<dyn FactStore>) {
    let mut expected = Vec::new();
    for repo in ["R_1", "R_2", "R_3"] {
        let api = key("acme", repo);
        let mut wanted = batch(&api, 100);
        wanted.records = (0..10).map(|n| seen(&commit(n, i64::from(n), "ada"), 100)).collect();
        expected.extend(wanted.records.iter().map(|(id, r)| (api.clone(), *id, r.clone())));
        store.write(wanted).await.expect("written");
    }
    assert_eq!(contents(&store).await.1, expected);
}

/// Removed records are counted in the base, and coverage before the floor is removed with them.
pub async fn garbage_collection_folds_what_it_removes(store: Arc<dyn FactStore>) {
    let epoch = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
    let api = key("acme", "R_1");
    let mut wanted = batch(&api, 100);
    wanted.records = vec![
        seen(&commit(1, 10, "ada"), 100),
        seen(&commit(2, 20, "ada"), 100),
        seen(&commit(3, 30, "bob"), 100),
    ];
    wanted.covered.insert(window(0, 100));
    store.write(wanted.clone()).await.expect("written");
    let collected = store.collect_garbage(&api, at(25), epoch).await.expect("collected").expect("known");
    assert_eq!(collected.removed, 2);
    assert_eq!(collected.state.base.get("ada").copied().unwrap_or_default().get(FactKind::Commit), 2);
    assert_eq!(collected.state.base.get("bob").copied().unwrap_or_default(), FactCounts::default());
    assert_eq!(collected.state.coverage.windows(), [window(25, 100)]);
    assert_eq!(store.repositories(&api.org).await.expect("repositories"), vec![collected.state.clone()]);
    assert_eq!(store.records(&api, Timestamp::MIN).await.expect("records").len(), 1);
    assert!(
        store.collect_garbage(&api, at(25), epoch).await.expect("collected").is_none(),
        "a second pass does nothing"
    );
    assert!(store.collect_garbage(&key("acme", "R_9"), at(25), epoch).await.expect("collected").is_none());
}

/// A replay of records that garbage collection has counted is refused and not counted again.
pub async fn records_older_than_the_floor_are_refused(store: Arc<dyn FactStore>) {
    let epoch = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
    let api = key("acme", "R_1");
    let mut wanted = batch(&api, 100);
    wanted.records = vec![seen(&commit(1, 10, "ada"), 100), seen(&commit(2, 50, "ada"), 100)];
    store.write(wanted.clone()).await.expect("written");
    store.collect_garbage(&api, at(25), epoch).await.expect("collected");
    let again = store.write(wanted).await.expect("written");
    assert_eq!((again.refused, again.changed.len()), (1, 0));
    assert_eq!(again.state.base.get("ada").copied().unwrap_or_default().get(FactKind::Commit), 1);
    assert_eq!(store.records(&api, Timestamp::MIN).await.expect("records").len(), 1);
}

/// A store that missed a garbage collection takes over floor and base, and drops the records these
/// count without counting them again.
pub async fn floors_and_bases_merge_by_maximum(store: Arc<dyn FactStore>) {
    let api = key("acme", "R_1");
    let mut known = batch(&api, 100);
    known.records = vec![seen(&commit(1, 10, "ada"), 100), seen(&commit(2, 50, "ada"), 100)];
    known.covered.insert(window(0, 100));
    store.write(known.clone()).await.expect("written");
    let mut base = FactCounts::default();
    (0..3).for_each(|_| base.increment(FactKind::Commit));
    let mut elsewhere = batch(&api, 100);
    elsewhere.folded = FoldedBase { floor: at(25), base: [(Login::from("ada"), base)].into() };
    for round in 0..2 {
        let written = store.write(elsewhere.clone()).await.expect("written");
        assert_eq!(written.removed, if round == 0 { 1 } else { 0 });
        assert_eq!((written.state.floor, written.state.base["ada"]), (at(25), base));
        assert_eq!(written.state.coverage.windows(), [window(25, 100)]);
    }
    let replay = store.write(known).await.expect("written");
    assert_eq!((replay.refused, replay.changed.len(), replay.state.base["ada"]), (1, 0, base));
    assert_eq!(store.records(&api, Timestamp::MIN).await.expect("records").len(), 1);
}

/// A leader of an earlier epoch removes nothing.
pub async fn a_stale_epoch_collects_nothing(store: Arc<dyn FactStore>) {
    let old = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
    let api = key("acme", "R_1");
    let mut wanted = batch(&api, 100);
    wanted.records = vec![seen(&commit(1, 10, "ada"), 100)];
    store.write(wanted).await.expect("written");
    let new = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
    let refused = store.collect_garbage(&api, at(25 * DAY), old).await;
    assert!(
        matches!(refused, Err(StoreError::StaleEpoch { asked, current }) if asked == old && current == new)
    );
    assert_eq!(store.records(&api, Timestamp::MIN).await.expect("records").len(), 1);
}

/// No epoch is issued twice, nor one that is not greater than the caller's.
pub async fn epochs_strictly_rise(store: Arc<dyn FactStore>) {
    let mut last = Epoch(0);
    for after in [0, 0, 0, 40, 7, 0, 100, 0] {
        let next = store.begin_epoch(Shard::WHOLE, Epoch(after)).await.expect("epoch");
        assert!(next > last && next > Epoch(after), "{next} follows {last} and {after}");
        store.confirm_epoch(next).await.expect("the current epoch is confirmed");
        let stale = store.confirm_epoch(last).await;
        assert!(
            matches!(stale, Err(StoreError::StaleEpoch { asked, current }) if asked == last && current == next)
        );
        let foreign = store.confirm_epoch(Epoch(next.0 + 1)).await;
        assert!(matches!(foreign, Err(StoreError::StaleEpoch { .. })), "it was not issued here");
        last = next;
    }
}

/// A new leadership ends the previous one of its shard, and none of another shard.
pub async fn each_shard_has_a_current_epoch(store: Arc<dyn FactStore>) {
    let [one, other] = <[Shard; 2]>::try_from(Shard::all(2).collect::<Vec<_>>()).expect("two shards");
    let led = ["acme", "globex", "initech", "umbrella"].map(|org| key(org, "R_1"));
    for repository in &led {
        let mut wanted = batch(repository, 100);
        wanted.records = vec![seen(&commit(1, 10, "ada"), 100)];
        store.write(wanted).await.expect("written");
    }
    let mut epochs = Vec::new();
    for shard in [one, other, one] {
        epochs.push(store.begin_epoch(shard, Epoch(0)).await.expect("epoch"));
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "no two shards share a number: {epochs:?}");
    let confirmed = join_all(epochs.iter().map(|epoch| store.confirm_epoch(*epoch))).await;
    assert_eq!(confirmed.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true]);
    for repository in &led {
        let epoch = if one.holds(&repository.org) { epochs[2] } else { epochs[1] };
        if one.holds(&repository.org) {
            let refused = store.collect_garbage(repository, at(25), epochs[0]).await;
            assert!(matches!(refused, Err(StoreError::StaleEpoch { .. })), "{refused:?}");
        }
        let collected = store.collect_garbage(repository, at(25), epoch).await.expect("collected");
        assert_eq!(collected.expect("known").removed, 1);
    }
    let shards = led.iter().filter(|repository| one.holds(&repository.org)).count();
    assert!((1..led.len()).contains(&shards), "both shards are tried");
}

/// The same repository id under two organisations is two repositories.
pub async fn organisations_are_kept_apart(store: Arc<dyn FactStore>) {
    for org in ["acme", "acme-labs", "zeta"] {
        let mut wanted = batch(&key(org, "R_1"), 100);
        wanted.records = vec![seen(&commit(1, 10, org), 100)];
        store.write(wanted).await.expect("written");
    }
    let orgs: Vec<String> =
        store.organisations().await.expect("organisations").iter().map(|o| o.to_string()).collect();
    assert_eq!(orgs, ["acme", "acme-labs", "zeta"]);
    for org in ["acme", "acme-labs"] {
        assert_eq!(store.repositories(&org.into()).await.expect("repositories").len(), 1);
        let records = store.records(&key(org, "R_1"), at(0)).await.expect("records");
        assert_eq!(records[0].1.latest.user.as_str(), org);
    }
}

/// Twenty thousand records of one repository in one batch.
pub async fn large_batches_are_written_whole(store: Arc<dyn FactStore>) {
    let api = key("acme", "R_1");
    let mut wanted = batch(&api, 100);
    wanted.records = (0..20_000)
        .map(|number| {
            let fact =
                Fact { id: FactId::Review(number), user: "ada".into(), at: at(1), loc: LocChange::default() };
            seen(&fact, 100)
        })
        .collect();
    assert_eq!(store.write(wanted).await.expect("written").changed.len(), 20_000);
    assert_eq!(store.records(&api, at(0)).await.expect("records").len(), 20_000);
}

async fn followed(store: &Arc<dyn FactStore>, since: &ChangePosition) -> (Vec<StoreChange>, ChangePosition) {
    match store.changes(since).await.expect("changes") {
        LogChanges::Changes { changes, position, .. } => (changes, position),
        LogChanges::Lost => panic!("the log reaches back to {since:?}"),
    }
}

/// Changes before the position are not reported; each change after it is, once.
pub async fn changes_after_a_position_are_reported_once(store: Arc<dyn FactStore>) {
    let epoch = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
    let api = key("acme", "R_1");
    let mut first = batch(&api, 100);
    first.records = vec![seen(&commit(1, 10, "ada"), 100)];
    store.write(first).await.expect("written");
    let start = store.position().await.expect("position");
    let mut second = batch(&api, 200);
    second.records = vec![seen(&commit(2, 50, "ada"), 200)];
    let other = key("zeta", "R_1");
    let state = store.write(second.clone()).await.expect("written").state;
    store.write(batch(&other, 200)).await.expect("written");
    let (changes, next) = followed(&store, &start).await;
    assert_eq!(changes.len(), 2, "the new organisation is followed too");
    let change = changes.iter().find(|change| change.state.key == api).expect("reported");
    assert_eq!((&change.state, &change.changed), (&state, &second.records));
    assert_eq!(followed(&store, &next).await.0.len(), 0, "nothing is reported twice");
    store.collect_garbage(&api, at(25), epoch).await.expect("collected");
    let (changes, _) = followed(&store, &next).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].state.floor, at(25), "records before it were removed");
}

/// Applying the changes in any portions ends with the contents of the store.
pub async fn a_follower_ends_with_the_contents_of_the_store(store: Arc<dyn FactStore>) {
    let mut runner = TestRunner::deterministic();
    let batches: Vec<Batch> = proptest::collection::vec(arbitrary_batch(), 60)
        .new_tree(&mut runner)
        .expect("batches can be generated")
        .current();
    let mut position = store.position().await.expect("position");
    let mut states: BTreeMap<RepoKey, RepoState> = BTreeMap::new();
    let mut records: BTreeMap<(RepoKey, FactId), Record> = BTreeMap::new();
    for (number, batch) in batches.into_iter().enumerate() {
        store.write(batch).await.expect("written");
        if number % 7 != 0 && number != 59 {
            continue;
        }
        let (changes, next) = followed(&store, &position).await;
        position = next;
        for change in changes {
            let key = change.state.key.clone();
            records.extend(change.changed.into_iter().map(|(id, record)| ((key.clone(), id), record)));
            states.insert(key, change.state);
        }
    }
    let (stored_states, stored_records) = contents(&store).await;
    assert_eq!(states.into_values().collect::<Vec<_>>(), stored_states);
    let flat: Vec<_> = records.into_iter().map(|((key, id), record)| (key, id, record)).collect();
    assert_eq!(flat, stored_records);
}

/// A position that the log does not reach back to is reported as lost.
pub async fn a_follower_that_fell_behind_loads_everything_again(store: Arc<dyn FactStore>) {
    let api = key("acme", "R_1");
    store.write(batch(&api, 0)).await.expect("written");
    let old = store.position().await.expect("position");
    let writes = (0..CHANGES_KEPT + 500).map(|n| store.write(batch(&key("acme", &format!("R_{n}")), 1)));
    let mut writes = futures::stream::iter(writes).buffer_unordered(50);
    while let Some(written) = writes.next().await {
        written.expect("written");
    }
    assert!(matches!(store.changes(&old).await.expect("changes"), LogChanges::Lost));
    let now = store.position().await.expect("position");
    assert_eq!(followed(&store, &now).await.0.len(), 0);
}

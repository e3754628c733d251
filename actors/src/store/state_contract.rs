//! The contract of [`SharedState`] as tests, run against every implementation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::{Claim, CountBatch, SharedState, SharedTable};

/// Makes a `#[tokio::test]` of every test of the contract in a module `$module`; `$open` is an
/// async function that returns a fresh and empty `Arc<dyn SharedState>`. With `ignore = "reason"`, a plain
/// `cargo test` ignores the tests and shows the reason.
#[macro_export]
macro_rules! shared_state_contract {
    ($module:ident, $open:path $(, ignore = $reason:literal)?) => {
        mod $module {
            $crate::shared_state_contract!(@tests [$(#[ignore = $reason])?] $open;
                of_many_claimants_one_succeeds
                an_entry_disappears_when_its_time_to_live_has_passed
                a_swap_needs_the_expected_value
                removing_frees_an_entry
                entries_are_listed_by_table
                any_bytes_are_kept
                a_batch_of_counts_is_applied_once
                counts_are_raised_and_never_lowered
            );
        }
    };
    (@tests $attributes:tt $open:path; $($name:ident)*) => {
        $($crate::shared_state_contract!(@test $attributes $open; $name);)*
    };
    (@test [$($attribute:tt)*] $open:path; $name:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $name() {
            $crate::store::state_contract::$name($open().await).await;
        }
    };
}

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(150);
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Of twenty concurrent claims one succeeds, and the others see its value.
pub async fn of_many_claimants_one_succeeds(state: Arc<dyn SharedState>) {
    let names: Vec<String> = (0..20).map(|n| format!("claimant-{n}")).collect();
    let claims =
        join_all(names.iter().map(|name| state.claim(SharedTable::Jobs, "acme/api", name.as_bytes(), LONG)))
            .await;
    let claims: Vec<Claim> = claims.into_iter().map(|claim| claim.expect("claimed or held")).collect();
    let winners: Vec<usize> = (0..20).filter(|n| claims[*n] == Claim::Claimed).collect();
    assert_eq!(winners.len(), 1);
    let held = Claim::Held(names[winners[0]].clone().into_bytes());
    assert_eq!(claims.iter().filter(|claim| **claim == held).count(), 19);
}

/// An expired entry can be claimed, is not listed and has no value.
pub async fn an_entry_disappears_when_its_time_to_live_has_passed(state: Arc<dyn SharedState>) {
    state.put(SharedTable::CompletedJobs, "lasting", b"1", LONG).await.expect("put");
    state.put(SharedTable::CompletedJobs, "brief", b"1", SHORT).await.expect("put");
    let deadline = Instant::now() + PATIENCE;
    while state.get(SharedTable::CompletedJobs, "brief").await.expect("get").is_some() {
        assert!(Instant::now() < deadline, "the entry does not expire");
        sleep(SHORT / 10).await;
    }
    let listed = state.entries(SharedTable::CompletedJobs).await.expect("entries");
    assert_eq!(listed, [("lasting".to_owned(), b"1".to_vec())]);
    assert!(!state.swap(SharedTable::CompletedJobs, "brief", b"1", b"2", LONG).await.expect("swap"));
    assert!(!state.remove(SharedTable::CompletedJobs, "brief").await.expect("remove"));
    let claim = state.claim(SharedTable::CompletedJobs, "brief", b"3", LONG).await.expect("claim");
    assert_eq!(claim, Claim::Claimed);
}

/// A swap changes nothing unless the entry is as expected, and renews the time to live when it is.
pub async fn a_swap_needs_the_expected_value(state: Arc<dyn SharedState>) {
    let table = SharedTable::Jobs;
    assert!(!state.swap(table, "key", b"a", b"b", LONG).await.expect("swap"), "there is nothing");
    state.put(table, "key", b"a", LONG).await.expect("put");
    assert!(!state.swap(table, "key", b"x", b"b", LONG).await.expect("swap"));
    assert_eq!(state.get(table, "key").await.expect("get"), Some(b"a".to_vec()));
    assert!(state.swap(table, "key", b"a", b"b", LONG).await.expect("swap"));
    assert_eq!(state.get(table, "key").await.expect("get"), Some(b"b".to_vec()));
}

/// A removed entry can be claimed again.
pub async fn removing_frees_an_entry(state: Arc<dyn SharedState>) {
    let table = SharedTable::DeadLetters;
    assert!(!state.remove(table, "key").await.expect("remove"));
    state.put(table, "key", b"a", LONG).await.expect("put");
    assert!(state.remove(table, "key").await.expect("remove"));
    assert_eq!(state.get(table, "key").await.expect("get"), None);
    assert_eq!(state.claim(table, "key", b"b", LONG).await.expect("claim"), Claim::Claimed);
}

/// The same key in two tables is two entries, and a list is sorted.
pub async fn entries_are_listed_by_table(state: Arc<dyn SharedState>) {
    for table in SharedTable::ALL {
        assert_eq!(state.entries(table).await.expect("entries"), []);
        for key in ["b", "a"] {
            state.put(table, key, table.as_str().as_bytes(), LONG).await.expect("put");
        }
    }
    for table in SharedTable::ALL {
        let value = table.as_str().as_bytes().to_vec();
        let expected = [("a".to_owned(), value.clone()), ("b".to_owned(), value)];
        assert_eq!(state.entries(table).await.expect("entries"), expected);
    }
}

/// Keys may hold any text and values any bytes.
pub async fn any_bytes_are_kept(state: Arc<dyn SharedState>) {
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for key in ["", "a b\n{c}*", "\u{1F980}"] {
        state.put(SharedTable::Quota, key, &value, LONG).await.expect("put");
        assert_eq!(state.get(SharedTable::Quota, key).await.expect("get").as_ref(), Some(&value));
    }
    state.put(SharedTable::Quota, "empty", b"", LONG).await.expect("put");
    assert_eq!(state.get(SharedTable::Quota, "empty").await.expect("get"), Some(Vec::new()));
}

fn batch(writer: &str, sequence: u64, increments: &[(&str, f64)]) -> CountBatch {
    let increments = increments.iter().map(|(name, by)| ((*name).to_owned(), *by)).collect();
    CountBatch { writer: writer.into(), sequence, increments }
}

/// A batch that is sent again counts once; batches of two writers add up.
pub async fn a_batch_of_counts_is_applied_once(state: Arc<dyn SharedState>) {
    for batch in [
        batch("a", 1, &[("runs", 1.0), ("seconds", 0.25)]),
        batch("a", 1, &[("runs", 1.0), ("seconds", 0.25)]),
        batch("b", 1, &[("runs", 10.0)]),
        batch("a", 2, &[("runs", 100.0)]),
        batch("a", 1, &[("runs", 1.0)]),
        batch("b", 1, &[("runs", 10.0)]),
    ] {
        state.count(&batch).await.expect("counted");
    }
    let expected = BTreeMap::from([("runs".to_owned(), 111.0), ("seconds".to_owned(), 0.25)]);
    assert_eq!(state.counts().await.expect("counts"), expected);
}

/// Raising is a maximum.
pub async fn counts_are_raised_and_never_lowered(state: Arc<dyn SharedState>) {
    state.count(&batch("a", 1, &[("low", 5.0), ("high", 5.0)])).await.expect("counted");
    let least = BTreeMap::from([("low", 7.0), ("high", 3.0), ("new", 1.5)].map(|(n, v)| (n.to_owned(), v)));
    for _ in 0..2 {
        state.raise_counts(&least).await.expect("raised");
    }
    let expected =
        BTreeMap::from([("low", 7.0), ("high", 5.0), ("new", 1.5)].map(|(n, v)| (n.to_owned(), v)));
    assert_eq!(state.counts().await.expect("counts"), expected);
}

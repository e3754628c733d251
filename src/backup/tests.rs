//! A backup restores exactly what was backed up.

use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use github_stats_actors::activity::{
    Batch, Coverage, Fact, FactCounts, FactId, FactKind, FoldedBase, HeadRead, LocChange, Oid, Record,
    RepoKey, RepoMeta, RepoState, Timestamp, Window,
};
use github_stats_actors::store::{FactStore, MemoryStore, StoredRecord};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{BackupReadError, BackupSummary, restore, verify, write};
use crate::store::EmbeddedStore;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

fn batch(repo: u8, records: Vec<(u64, i64, bool)>, covered: (i64, i64), floor: Option<i64>) -> Batch {
    let key = RepoKey { org: "acme".into(), id: format!("R_{repo}").into() };
    let mut batch =
        Batch::new(key, RepoMeta { seen_at: at(9), name: "api \"quoted\"".into(), first_seen: at(1) });
    batch.records = records
        .into_iter()
        .map(|(number, when, gone)| {
            let id = if number % 2 == 0 { FactId::Review(number) } else { FactId::PrOpened(number) };
            let fact =
                Fact { id, user: format!("user-{number}").into(), at: at(when), loc: LocChange::default() };
            let record = Record::observed(&fact, at(5));
            (id, if gone { record.marked_gone(at(6)) } else { record })
        })
        .collect();
    batch.covered = Window::new(at(covered.0), at(covered.0 + covered.1)).into_iter().collect::<Coverage>();
    batch.head = Some(HeadRead { read_at: at(8), oid: Some(Oid::from_bytes([repo; 20])) });
    if let Some(floor) = floor {
        let mut base = FactCounts::default();
        base.increment(FactKind::Review);
        batch.folded = FoldedBase { floor: at(floor), base: [("old-timer".into(), base)].into() };
    }
    batch
}

fn arbitrary() -> impl Strategy<Value = Vec<Batch>> {
    let records = proptest::collection::vec((0u64..40, 0i64..100, any::<bool>()), 0..20);
    let one = (0u8..3, records, (0i64..100, 1i64..50), proptest::option::of(0i64..50));
    proptest::collection::vec(
        one.prop_map(|(repo, records, covered, floor)| batch(repo, records, covered, floor)),
        0..6,
    )
}

async fn contents(store: &Arc<dyn FactStore>) -> (Vec<RepoState>, Vec<StoredRecord>) {
    let states = store.repositories(&"acme".into()).await.expect("repositories");
    (states, store.scan(None, usize::MAX).await.expect("records").records)
}

async fn filled(batches: Vec<Batch>) -> Arc<dyn FactStore> {
    let store: Arc<dyn FactStore> = Arc::new(MemoryStore::new());
    for batch in batches {
        store.write(batch).await.expect("written");
    }
    store
}

async fn backed_up(store: &Arc<dyn FactStore>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(store, &mut bytes, at(0), &mut |_| {}).await.expect("a backup");
    bytes
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn restoring_into_another_backend_is_complete_and_idempotent(batches in arbitrary()) {
        block_on(async {
            let original = filled(batches).await;
            let bytes = backed_up(&original).await;
            let summary = verify(bytes.as_slice()).expect("valid");
            let folder = tempfile::tempdir().expect("a folder");
            let copy: Arc<dyn FactStore> = Arc::new(EmbeddedStore::open(folder.path()).expect("a store"));
            for _ in 0..2 {
                let restored = restore(&copy, bytes.as_slice(), &mut |_| {}).await.expect("restored");
                prop_assert_eq!(restored, summary);
                prop_assert_eq!(contents(&copy).await, contents(&original).await);
            }
            Ok::<(), TestCaseError>(())
        })?;
    }

    #[test]
    fn a_truncated_or_altered_backup_is_rejected(batches in arbitrary(), offset in any::<prop::sample::Index>(), flip in 1u8..) {
        let bytes = block_on(async { backed_up(&filled(batches).await).await });
        let offset = offset.index(bytes.len());
        prop_assert!(verify(&bytes[..offset]).is_err(), "truncated at {}", offset);
        let mut altered = bytes.clone();
        altered[offset] ^= flip;
        // Some bytes of the gzip header do not matter; if the backup is still accepted, its
        // contents must be the same.
        if let Ok(summary) = verify(altered.as_slice()) {
            prop_assert_eq!(summary, verify(bytes.as_slice()).expect("valid"));
        }
    }

    #[test]
    fn arbitrary_streams_are_rejected_without_a_panic(lines in proptest::collection::vec(".{0,40}", 0..6)) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut gzip, lines.join("\n").as_bytes()).unwrap();
        prop_assert!(verify(gzip.finish().unwrap().as_slice()).is_err());
        prop_assert!(verify(lines.join("\n").as_bytes()).is_err());
    }
}

#[test]
fn a_newer_format_is_reported() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, b"{\"github_stats_backup\":{\"format\":2,\"created_at\":1}}\n")
        .unwrap();
    let refused = verify(gzip.finish().unwrap().as_slice());
    assert!(matches!(refused, Err(BackupReadError::Newer { found: 2 })), "{refused:?}");
}

#[test]
fn a_large_repository_is_restored_in_chunks() {
    block_on(async {
        let records = (0..12_000).map(|number| (number, 50, false)).collect();
        let original = filled(vec![batch(1, records, (0, 10), None)]).await;
        let copy = filled(Vec::new()).await;
        let restored =
            restore(&copy, backed_up(&original).await.as_slice(), &mut |_| {}).await.expect("restored");
        assert_eq!(restored, BackupSummary { repositories: 1, records: 12_000 });
        assert_eq!(contents(&copy).await, contents(&original).await);
    });
}

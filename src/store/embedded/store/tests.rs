//! Contract tests, and tests with a failing disk.

use std::fs::File;
use std::io;
use std::ops::{Bound, Deref};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use github_stats_actors::activity::{Coverage, Fact, FoldedBase, LocChange, RepoMeta, Window};
use github_stats_actors::store::SharedState;
use redb::backends::FileBackend;
use redb::{BackendError, Builder, StorageBackend};
use tempfile::TempDir;

use super::super::tables;
use super::*;

async fn fresh() -> Arc<dyn FactStore> {
    // The directory is removed at the end of this function; the open file stays usable.
    let directory = TempDir::new().expect("a directory");
    Arc::new(EmbeddedStore::open(directory.path()).expect("opened"))
}

async fn fresh_state() -> Arc<dyn SharedState> {
    let directory = TempDir::new().expect("a directory");
    Arc::new(EmbeddedStore::open(directory.path()).expect("opened"))
}

github_stats_actors::fact_store_contract!(contract, super::fresh);
github_stats_actors::shared_state_contract!(state_contract, super::fresh_state);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

fn batch(org: &str, id: &str, numbers: std::ops::Range<u64>) -> Batch {
    let fact = |number| Fact {
        id: FactId::Review(number),
        user: "ada".into(),
        at: at(number as i64),
        loc: LocChange::default(),
    };
    let window = Window::new(at(numbers.start as i64), at(numbers.end as i64));
    Batch {
        key: RepoKey { org: org.into(), id: id.into() },
        meta: RepoMeta { seen_at: at(0), name: "api".into(), first_seen: at(0) },
        head: None,
        records: numbers.map(|n| (FactId::Review(n), Record::observed(&fact(n), at(n as i64)))).collect(),
        covered: window.into_iter().collect::<Coverage>(),
        folded: FoldedBase::default(),
    }
}

#[tokio::test]
async fn concurrent_writes_are_all_applied() {
    let directory = TempDir::new().expect("a directory");
    let store = EmbeddedStore::open(directory.path()).expect("opened");
    let writes = (0..600).map(|n| store.write(batch("acme", &format!("R_{n:03}"), n..n + 3)));
    for (n, written) in futures::future::join_all(writes).await.into_iter().enumerate() {
        let written = written.expect("written");
        assert_eq!((written.changed.len(), written.state.key.id.as_str()), (3, &*format!("R_{n:03}")));
    }
    assert_eq!(store.repositories(&"acme".into()).await.expect("repositories").len(), 600);
    assert_eq!(store.scan(None, usize::MAX).await.expect("scanned").records.len(), 1_800);
}

#[tokio::test]
async fn a_cancelled_write_does_not_block_later_writes() {
    let directory = TempDir::new().expect("a directory");
    let store = EmbeddedStore::open(directory.path()).expect("opened");
    for n in 0..20 {
        let cancelled = store.write(batch("acme", "R_1", n..n + 1));
        let _ = tokio::time::timeout(std::time::Duration::ZERO, cancelled).await;
    }
    store.write(batch("acme", "R_2", 0..1)).await.expect("written");
    drop(store);
    EmbeddedStore::open(directory.path()).expect("the directory is unlocked as soon as the store is dropped");
}

#[tokio::test]
async fn a_damaged_record_fails_only_the_calls_that_read_it() {
    let directory = TempDir::new().expect("a directory");
    let store = EmbeddedStore::open(directory.path()).expect("opened");
    for id in ["R_1", "R_2"] {
        store.write(batch("acme", id, 0..3)).await.expect("written");
    }
    let damage = |tables: &mut tables::WriteTables<'_>| tables.damage("acme", "R_1", FactId::Review(1));
    store.writer.commit(damage).await.expect("damaged");

    let writes = ["R_1", "R_2", "R_3"].map(|id| store.write(batch("acme", id, 1..5)));
    let [first, second, third] = futures::future::join_all(writes).await.try_into().expect("three");
    let record = "record review:1 of acme/R_1";
    assert!(matches!(&first, Err(StoreError::Damaged(what)) if what.contains(record)), "{first:?}");
    assert_eq!((second.expect("written").changed.len(), third.expect("written").changed.len()), (2, 4));
    let key = RepoKey { org: "acme".into(), id: "R_1".into() };
    let read = store.records(&key, at(0)).await;
    assert!(matches!(&read, Err(StoreError::Damaged(what)) if what.contains(record)), "{read:?}");
    assert!(matches!(store.scan(None, 100).await, Err(StoreError::Damaged(_))));
    let states = store.repositories(&"acme".into()).await.expect("states");
    assert_eq!(states[0].coverage, batch("acme", "R_1", 0..3).covered, "the failed batch is rolled back");
}

// === Failing disk ===

/// A file backend whose operations fail as the shared switches say.
#[derive(Debug)]
struct FailingBackend {
    file: FileBackend,
    faults: Arc<DiskFaults>,
}

#[derive(Debug, Default)]
struct DiskFaults {
    /// Writes fail.
    full: AtomicBool,
    /// Reads and writes fail.
    broken: AtomicBool,
}

impl DiskFaults {
    fn check_write(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.check_read()
    }

    fn check_read(&self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) { Err(io::Error::other("no answer")) } else { Ok(()) }
    }
}

impl StorageBackend for FailingBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.faults.check_read()?;
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.check_write()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.faults.check_write()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.check_write()?;
        self.file.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

struct FailingDiskFixture {
    store: EmbeddedStore,
    disk: Arc<DiskFaults>,
    _directory: TempDir,
}

impl Deref for FailingDiskFixture {
    type Target = EmbeddedStore;
    fn deref(&self) -> &EmbeddedStore {
        &self.store
    }
}

fn on_failing_disk() -> FailingDiskFixture {
    let directory = TempDir::new().expect("a directory");
    drop(EmbeddedStore::open(directory.path()).expect("created"));
    let path: PathBuf = directory.path().join("github-stats.redb");
    let disk = Arc::new(DiskFaults::default());
    let faults = disk.clone();
    let opener = move || {
        let file = File::options().read(true).write(true).open(&path).expect("the file is there");
        let file = FileBackend::new(file).expect("a backend");
        let backend = FailingBackend { file, faults: faults.clone() };
        Builder::new().create_with_backend(backend).map_err(|error| OpenError::from_database(&path, error))
    };
    let store = EmbeddedStore::with_opener(directory.path(), Box::new(opener)).expect("opened");
    FailingDiskFixture { store, disk, _directory: directory }
}

#[tokio::test]
async fn writes_succeed_without_a_restart_once_a_full_disk_has_space() {
    let store = on_failing_disk();
    store.write(batch("acme", "R_1", 0..3)).await.expect("written");
    store.disk.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let refused = store.write(batch("acme", "R_1", 10..13)).await;
        assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    }
    store.disk.full.store(false, Ordering::SeqCst);
    let written = store.write(batch("acme", "R_1", 20..23)).await.expect("there is space again");
    assert_eq!(
        written.state.coverage.windows().first(),
        batch("acme", "R_1", 0..3).covered.windows().first()
    );
    let key = RepoKey { org: "acme".into(), id: "R_1".into() };
    let numbers: Vec<FactId> =
        store.records(&key, at(0)).await.expect("records").into_iter().map(|(id, _)| id).collect();
    assert_eq!(numbers, [0, 1, 2, 20, 21, 22].map(FactId::Review));
}

#[tokio::test]
async fn the_store_works_again_once_a_broken_disk_recovers() {
    let store = on_failing_disk();
    store.write(batch("acme", "R_1", 0..3)).await.expect("written");
    store.disk.broken.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let refused = store.write(batch("acme", "R_1", 10..13)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let unread = store.organisations().await;
        assert!(matches!(unread, Err(StoreError::Unavailable(_))), "{unread:?}");
    }
    store.disk.broken.store(false, Ordering::SeqCst);
    assert_eq!(store.scan(None, 100).await.expect("scanned").records.len(), 3);
    store.write(batch("acme", "R_1", 20..23)).await.expect("written");
}

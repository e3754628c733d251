//! The embedded store through its public API: reopening, refusing, and being killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use github_stats::store::{EmbeddedStore, OpenError};
use github_stats_actors::activity::{
    Batch, Coverage, Fact, FactId, FoldedBase, HeadRead, LocChange, Oid, Record, RepoKey, RepoMeta,
    RepoState, Timestamp, Window,
};
use github_stats_actors::role::{Epoch, Shard};
use github_stats_actors::store::{FactStore, StoredRecord};
use proptest::prelude::*;
use rand::RngExt;
use redb::{Database, TableDefinition};
use tempfile::TempDir;

const FILE: &str = "github-stats.redb";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds as i64)
}

fn key(org: &str, id: &str) -> RepoKey {
    RepoKey { org: org.into(), id: id.into() }
}

/// The `number`-th batch of a repository: `count` records of its own and the seconds from `number`
/// to `number + 1`.
fn batch(key: &RepoKey, number: u64, count: u64) -> Batch {
    let record = |n| {
        let id = FactId::IssueComment(number * 1_000 + n);
        let fact = Fact { id, user: "ada".into(), at: at(number), loc: LocChange::default() };
        (id, Record::observed(&fact, at(number)))
    };
    let mut oid = [0; 20];
    oid[12..].copy_from_slice(&number.to_be_bytes());
    Batch {
        key: key.clone(),
        meta: RepoMeta { seen_at: at(number), name: "api".into(), first_seen: at(0) },
        head: Some(HeadRead { read_at: at(number), oid: Some(Oid::from_bytes(oid)) }),
        records: (0..count).map(record).collect(),
        covered: Window::new(at(2 * number), at(2 * number + 1)).into_iter().collect::<Coverage>(),
        folded: FoldedBase::default(),
    }
}

/// Opens a directory that was in use until now. A process that another test forks at this moment
/// inherits the open files until it executes its own program.
fn open(directory: &Path) -> Result<EmbeddedStore, OpenError> {
    let begun = tokio::time::Instant::now();
    loop {
        match EmbeddedStore::open(directory) {
            Err(OpenError::InUse { .. }) if begun.elapsed() < Duration::from_secs(1) => {
                std::thread::yield_now();
            }
            opened => return opened,
        }
    }
}

async fn contents(store: &EmbeddedStore) -> (Vec<RepoState>, Vec<StoredRecord>) {
    let mut states = Vec::new();
    for org in store.organisations().await.expect("organisations") {
        states.extend(store.repositories(&org).await.expect("repositories"));
    }
    let page = store.scan(None, usize::MAX).await.expect("scanned");
    assert_eq!(page.next, None);
    (states, page.records)
}

fn blocking() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

// === Reopening ===

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn reopening_keeps_everything(
        batches in proptest::collection::vec((0usize..4, 0u64..20, 0u64..30), 1..12), collected in 0u64..20,
    ) {
        let repositories = [("acme", "R_1"), ("acme", "R_2"), ("acme-labs", "R_1"), ("acme\0labs", "R\0")];
        let directory = TempDir::new().expect("a directory");
        blocking().block_on(async {
            let store = open(directory.path()).expect("opened");
            for (repository, number, count) in batches {
                let (org, id) = repositories[repository];
                store.write(batch(&key(org, id), number, count)).await.expect("written");
            }
            let epoch = store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch");
            store.collect_garbage(&key("acme", "R_1"), at(collected), epoch).await.expect("collected");
            let before = contents(&store).await;
            drop(store);
            let store = open(directory.path()).expect("opened again");
            assert_eq!(contents(&store).await, before);
            assert!(store.begin_epoch(Shard::WHOLE, Epoch(0)).await.expect("epoch") > epoch);
        });
    }
}

#[test]
fn missing_directories_are_created() {
    let directory = TempDir::new().expect("a directory");
    let nested = directory.path().join("var/lib");
    drop(open(&nested).expect("opened"));
    assert!(nested.join(FILE).is_file());
}

#[test]
fn an_unfinished_file_of_a_crashed_creation_is_replaced() {
    let directory = TempDir::new().expect("a directory");
    std::fs::write(directory.path().join("github-stats.redb.new"), [0; 5_000]).expect("written");
    drop(open(directory.path()).expect("opened"));
    drop(open(directory.path()).expect("opened again"));
}

// === Refusing ===

fn refusal(directory: &Path) -> OpenError {
    match open(directory) {
        Ok(_) => panic!("{} was opened", directory.display()),
        Err(error) => error,
    }
}

/// A closed store with contents.
fn closed_store() -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let store = open(directory.path()).expect("opened");
    blocking().block_on(async {
        for number in 0..20 {
            store.write(batch(&key("acme", "R_1"), number, 200)).await.expect("written");
        }
    });
    let file = directory.path().join(FILE);
    (directory, file)
}

#[test]
fn a_second_store_in_the_same_directory_is_refused() {
    let (directory, _) = closed_store();
    let first = open(directory.path()).expect("opened");
    let error = EmbeddedStore::open(directory.path()).err().expect("refused");
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
    open(directory.path()).expect("opened again");
}

#[test]
fn a_store_that_another_process_has_open_is_refused() {
    let directory = TempDir::new().expect("a directory");
    let mut child = WritingChild::start(directory.path());
    child.acknowledged().next().expect("the child writes");
    // At once: the child ends soon, because its output is not read any more.
    let error = EmbeddedStore::open(directory.path()).err().expect("refused");
    child.kill();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    let printed = error.to_string();
    assert!(
        printed.contains("in use by another process")
            && printed.contains(&directory.path().display().to_string())
    );
    open(directory.path()).expect("opened again");
}

#[test]
fn a_damaged_file_is_refused_and_not_modified() {
    let (directory, file) = closed_store();
    let sound = std::fs::read(&file).expect("read");
    let mut damaged: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), Vec::new()),
        ("a text".into(), b"store:\n  path: /data\n".to_vec()),
        ("garbage".into(), (0..sound.len()).map(|n| (n * 31 % 251) as u8).collect()),
        ("a header and garbage".into(), [&sound[..512], &vec![0xA5; sound.len() - 512]].concat()),
        ("longer than it was".into(), [&sound[..], &[0; 100]].concat()),
    ];
    for part in [1, 9, 300, 4_096, 8_192, sound.len() / 2, sound.len() - 4_096, sound.len() - 1] {
        damaged.push((format!("cut to {part} bytes"), sound[..part].to_vec()));
    }
    for (what, bytes) in damaged {
        std::fs::write(&file, &bytes).expect("written");
        let error = refusal(directory.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
        assert!(error.to_string().contains(FILE), "{what}: {error}");
        assert!(std::fs::read(&file).expect("read") == bytes, "{what} was changed");
    }
    std::fs::write(&file, &sound).expect("written");
    open(directory.path()).expect("the copy is sound");
}

#[test]
fn a_flipped_bit_is_found_or_harmless() {
    let (directory, file) = closed_store();
    let sound = std::fs::read(&file).expect("read");
    let wanted = blocking().block_on(contents(&open(directory.path()).expect("opened")));
    let mut rng = rand::rng();
    for _ in 0..60 {
        let position = rng.random_range(0..sound.len());
        let mut bytes = sound.clone();
        bytes[position] ^= 1 << rng.random_range(0..8);
        std::fs::write(&file, &bytes).expect("written");
        match open(directory.path()) {
            Ok(store) => {
                assert!(
                    blocking().block_on(contents(&store)) == wanted,
                    "a bit at {position} changed the answers"
                );
            }
            Err(error) => {
                assert!(matches!(error, OpenError::Damaged { .. }), "{position}: {error}");
                assert!(std::fs::read(&file).expect("read") == bytes, "the damage at {position} was changed");
            }
        }
    }
}

/// Creates a database of another program, or of another version of this one.
fn foreign(file: &Path, format: Option<u64>) {
    std::fs::remove_file(file).expect("removed");
    let database = Database::create(file).expect("created");
    let transaction = database.begin_write().expect("begun");
    match format {
        Some(format) => {
            let meta = TableDefinition::<&str, u64>::new("meta");
            transaction.open_table(meta).expect("a table").insert("format", format).expect("inserted");
        }
        None => {
            let poems = TableDefinition::<&str, &str>::new("poems");
            transaction.open_table(poems).expect("a table").insert("a", "rose").expect("inserted");
        }
    }
    transaction.commit().expect("committed");
}

#[test]
fn the_format_of_a_newer_version_is_refused_and_not_modified() {
    let (directory, file) = closed_store();
    foreign(&file, Some(7));
    let bytes = std::fs::read(&file).expect("read");
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Newer { found: 7, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("written by a newer github-stats"), "{error}");
    assert!(std::fs::read(&file).expect("read") == bytes);
}

#[test]
fn the_database_of_another_program_is_refused_and_not_modified() {
    let (directory, file) = closed_store();
    foreign(&file, None);
    let bytes = std::fs::read(&file).expect("read");
    let error = refusal(directory.path());
    assert!(error.to_string().contains("another program"), "{error}");
    assert!(std::fs::read(&file).expect("read") == bytes);
}

#[test]
fn a_path_that_is_a_file_is_refused() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("store");
    std::fs::write(&file, "mine").expect("written");
    let error = refusal(&file);
    assert!(matches!(error, OpenError::NotADirectory { .. }), "{error}");
    assert_eq!(std::fs::read(&file).expect("read"), b"mine");
}

#[test]
fn a_directory_in_place_of_the_file_is_refused() {
    let directory = TempDir::new().expect("a directory");
    std::fs::create_dir(directory.path().join(FILE)).expect("created");
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Inaccessible { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_store_without_read_or_write_permission_is_refused() {
    use std::fs::{File, Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let (directory, file) = closed_store();
    let refuses = |path: &Path, mode: u32, restored: u32| {
        set_permissions(path, Permissions::from_mode(mode)).expect("set");
        let error = refusal(directory.path());
        set_permissions(path, Permissions::from_mode(restored)).expect("set");
        assert!(matches!(error, OpenError::Inaccessible { .. }), "{mode:o}: {error}");
        assert!(error.to_string().contains("give this process access"), "{error}");
    };
    let bytes = std::fs::read(&file).expect("read");
    set_permissions(&file, Permissions::from_mode(0o000)).expect("set");
    if File::open(&file).is_ok() {
        // This user may read and write everything, as root may.
        return run_unprivileged("store::a_store_without_read_or_write_permission_is_refused");
    }
    refuses(&file, 0o000, 0o600);
    refuses(&file, 0o400, 0o600);
    refuses(directory.path(), 0o000, 0o700);
    assert!(std::fs::read(&file).expect("read") == bytes);
}

/// Runs a test of this program once more, as a user without privileges.
#[cfg(unix)]
fn run_unprivileged(test: &str) {
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;
    const UNPRIVILEGED: &str = "GITHUB_STATS_TEST_UNPRIVILEGED";
    assert!(std::env::var_os(UNPRIVILEGED).is_none(), "user {NOBODY} may read and write everything");
    // By way of the running program: that user may be unable to enter the folder it lies in.
    let output = Command::new("/proc/self/exe")
        .args(["--exact", test])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .env(UNPRIVILEGED, "1")
        .env("TMPDIR", "/tmp")
        .output()
        .expect("started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}{failed}");
}

// === Being killed ===

const CHILD: &str = "GITHUB_STATS_TEST_STORE_CHILD";
/// Repositories that the child writes to concurrently, so that batches share commits.
const LANES: u64 = 4;

/// A child process that writes batches and prints each acknowledged one.
struct WritingChild(Child);

impl WritingChild {
    fn start(directory: &Path) -> Self {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "store::child_process::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CHILD, directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        WritingChild(child)
    }

    /// `(lane, number)` of each acknowledged batch, until the child is dead.
    fn acknowledged(&mut self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let lines = BufReader::new(self.0.stdout.take().expect("piped")).lines();
        lines.map_while(Result::ok).filter_map(|line| {
            // The kill may have truncated the last line; a complete line ends with a full stop.
            let (lane, number) = line.strip_prefix("stored ")?.strip_suffix('.')?.split_once(' ')?;
            Some((lane.parse().ok()?, number.parse().ok()?))
        })
    }

    fn kill(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

#[tokio::test]
async fn a_kill_loses_no_acknowledged_batch_and_leaves_no_partial_one() {
    let directory = TempDir::new().expect("a directory");
    let mut acknowledged = vec![None; LANES as usize];
    let mut rng = rand::rng();
    for round in 0..25 {
        let mut child = WritingChild::start(directory.path());
        let lines = child.acknowledged();
        let reader = std::thread::spawn(move || lines.collect::<Vec<_>>());
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..250))).await;
        child.kill();
        for (lane, number) in reader.join().expect("read") {
            acknowledged[lane as usize] = Some(number).max(acknowledged[lane as usize]);
        }

        let store = open(directory.path()).expect("opened again");
        for (lane, acknowledged) in acknowledged.iter().enumerate() {
            let repository = key("acme", &format!("R_{lane}"));
            let states = store.repositories(&"acme".into()).await.expect("states");
            let Some(state) = states.into_iter().find(|state| state.key == repository) else {
                assert_eq!(*acknowledged, None, "round {round}: everything of {repository} was lost");
                continue;
            };
            let last = state.meta.seen_at.seconds_since(at(0)) as u64;
            assert!(
                Some(last) >= *acknowledged,
                "round {round}: {last} of {repository}, acknowledged {acknowledged:?}"
            );
            // The stored data must be the union of all complete batches up to the last.
            let (mut covered, mut records) = (Coverage::new(), Vec::new());
            for number in 0..=last {
                let batch = batch(&repository, number, 1 + number % 50);
                covered.merge(&batch.covered);
                records.extend(batch.records);
            }
            assert_eq!(state.coverage, covered, "round {round}: the coverage of {repository}");
            assert_eq!(state.head, batch(&repository, last, 0).head);
            assert!(
                store.records(&repository, at(0)).await.expect("records") == records,
                "round {round}: the records of {repository}"
            );
        }
    }
    assert!(acknowledged.iter().all(Option::is_some), "no child wrote anything: {acknowledged:?}");
}

/// The process that the tests above start.
mod child_process {
    use super::*;

    #[test]
    #[ignore = "no test: the process that other tests start and kill"]
    fn writes_until_it_is_killed() {
        let Some(directory) = std::env::var_os(CHILD) else { return };
        blocking().block_on(async {
            let store = open(Path::new(&directory)).expect("opened");
            let lanes = (0..LANES).map(|lane| {
                let store = &store;
                async move {
                    let repository = key("acme", &format!("R_{lane}"));
                    let known = store.repositories(&"acme".into()).await.expect("states");
                    let state = known.into_iter().find(|state| state.key == repository);
                    let next = state.map_or(0, |state| state.meta.seen_at.seconds_since(at(0)) as u64 + 1);
                    for number in next.. {
                        store.write(batch(&repository, number, 1 + number % 50)).await.expect("written");
                        println!("stored {lane} {number}.");
                    }
                }
            });
            futures::future::join_all(lanes).await;
        });
    }
}

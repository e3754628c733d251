//! The directory `store.path`, locked by one process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase};

use super::OpenError;
use super::copy_on_write_file::CopyOnWriteFile;
use super::tables;

const DATABASE: &str = "github-stats.redb";
const LOCK: &str = "github-stats.lock";
const UNFINISHED: &str = "github-stats.redb.new";

/// Size of the page cache; the database's default is 1 GiB.
const CACHE_BYTES: usize = 64 << 20;

/// The directory, locked until this is dropped.
#[derive(Debug)]
pub(super) struct StoreDirectory {
    path: PathBuf,
    _lock: File,
}

impl StoreDirectory {
    /// Creates the directory if it does not exist, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        match fs::create_dir_all(path) {
            Ok(()) => {}
            Err(_) if fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) => {
                return Err(OpenError::NotADirectory { path: path.to_owned() });
            }
            Err(cause) => return Err(OpenError::from_io(path, cause)),
        }
        let lock_path = path.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|cause| OpenError::from_io(&lock_path, cause))?;
        match lock.try_lock() {
            Ok(()) => Ok(StoreDirectory { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(cause)) => Err(OpenError::from_io(&lock_path, cause)),
        }
    }

    /// Opens the database in the directory, or creates it. A damaged file is not changed.
    pub(super) fn open(&self) -> Result<Database, OpenError> {
        let path = self.path.join(DATABASE);
        match fs::symlink_metadata(&path) {
            Ok(_) => self.check_integrity(&path)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => self.create(&path)?,
            Err(cause) => return Err(OpenError::from_io(&path, cause)),
        }
        catch_panic(&path, || builder().open(&path).map_err(|error| OpenError::from_database(&path, error)))
    }

    /// Opens the file without changing it, verifies every page as after a crash, and checks the
    /// format.
    fn check_integrity(&self, path: &Path) -> Result<(), OpenError> {
        let file = File::open(path).map_err(|cause| OpenError::from_io(path, cause))?;
        let copy = CopyOnWriteFile::new(file).map_err(|cause| OpenError::from_io(path, cause))?;
        catch_panic(path, || {
            if redb::StorageBackend::len(&copy).is_ok_and(|len| len == 0) {
                return Err(OpenError::Damaged { path: path.to_owned(), reason: "the file is empty".into() });
            }
            let damaged = |error: redb::Error| OpenError::from_database(path, error);
            let database = builder()
                .set_check_integrity_on_open(true)
                .create_with_backend(copy)
                .map_err(|error| damaged(error.into()))?;
            let transaction = database.begin_read().map_err(|error| damaged(error.into()))?;
            match tables::format(&transaction).map_err(damaged)? {
                Some(tables::FORMAT) => Ok(()),
                Some(found) if found > tables::FORMAT => {
                    Err(OpenError::Newer { path: path.to_owned(), found, known: tables::FORMAT })
                }
                _ => Err(OpenError::Damaged {
                    path: path.to_owned(),
                    reason: "it is the database of another program".into(),
                }),
            }
        })
    }

    /// Creates the database under another name and renames it once it is complete, so that a crash
    /// cannot leave a partial file that looks like a damaged one. The lock keeps other processes
    /// from doing the same.
    fn create(&self, path: &Path) -> Result<(), OpenError> {
        let unfinished = self.path.join(UNFINISHED);
        let io_error = |cause| OpenError::from_io(path, cause);
        match fs::remove_file(&unfinished) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(io_error(cause)),
            _ => {}
        }
        let database_error = |error: redb::Error| OpenError::from_database(path, error);
        let database = builder().create(&unfinished).map_err(|error| database_error(error.into()))?;
        tables::initialise(&database).map_err(database_error)?;
        database.close().map_err(|error| database_error(error.into()))?;
        fs::rename(&unfinished, path).map_err(io_error)?;
        // Makes the rename survive a power failure.
        File::open(&self.path).and_then(|directory| directory.sync_all()).map_err(io_error)
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Turns a panic into an error, because some kinds of damage make the database panic.
fn catch_panic<T>(path: &Path, open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        Err(OpenError::Damaged { path: path.to_owned(), reason: "its contents are inconsistent".into() })
    })
}

//! A backup that is being written: under another name until it is whole, and gone if it never is.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The end of its name.
const SUFFIX: &str = ".unfinished";

/// A file that takes the place of a backup once it is whole. Dropped before, it is removed; what a process left behind
/// that could not do that is replaced by the next backup of the same name.
#[derive(Debug)]
pub struct UnfinishedBackup {
    path: PathBuf,
    file: File,
    whole: bool,
}

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum UnfinishedBackupError {
    /// Somebody else is at it.
    #[error("{} is being written by another process: wait until that has ended", .0.display())]
    InUse(PathBuf),
    /// The operating system refuses.
    #[error("{} cannot be written ({cause}): make room, or give this process access", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
}

impl UnfinishedBackup {
    /// Begins a backup that will stand beside `name`, or be it.
    ///
    /// # Errors
    /// See [`UnfinishedBackupError`].
    pub fn begin(name: &Path) -> Result<Self, UnfinishedBackupError> {
        let mut path = name.as_os_str().to_owned();
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        let failed = |cause| UnfinishedBackupError::Io { path: path.clone(), cause };
        loop {
            let file =
                File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(UnfinishedBackupError::InUse(path)),
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
            // Whoever held the lock may have finished meanwhile: then this is their backup, and not to be touched.
            if is_at(&file, &path).map_err(failed)? {
                file.set_len(0).map_err(failed)?;
                return Ok(UnfinishedBackup { path, file, whole: false });
            }
        }
    }

    /// Where to write.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// It is whole: from now on it has this name.
    ///
    /// # Errors
    /// When it cannot reach the disk or get the name; it is removed then.
    pub fn finish(mut self, name: &Path) -> Result<(), UnfinishedBackupError> {
        let finished = self.file.sync_all().and_then(|()| fs::rename(&self.path, name));
        finished.map_err(|cause| UnfinishedBackupError::Io { path: self.path.clone(), cause })?;
        self.whole = true;
        Ok(())
    }
}

impl Drop for UnfinishedBackup {
    fn drop(&mut self) {
        if !self.whole {
            // Nobody is left to tell; the next backup replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the path still names this very file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn only_what_is_whole_stays() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a.backup");
        let begun = UnfinishedBackup::begin(&name).unwrap();
        begun.file().write_all(b"half").unwrap();
        assert_eq!(names(folder.path()), ["a.backup.unfinished"]);
        drop(begun);
        assert!(names(folder.path()).is_empty());
        let begun = UnfinishedBackup::begin(&name).unwrap();
        begun.file().write_all(b"whole").unwrap();
        begun.finish(&name).unwrap();
        assert_eq!(names(folder.path()), ["a.backup"]);
        assert_eq!(fs::read(name).unwrap(), b"whole");
    }

    #[test]
    fn what_a_killed_process_left_is_replaced_and_what_another_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a.backup");
        fs::write(folder.path().join("a.backup.unfinished"), "much that somebody left").unwrap();
        let begun = UnfinishedBackup::begin(&name).unwrap();
        assert!(matches!(UnfinishedBackup::begin(&name), Err(UnfinishedBackupError::InUse(_))));
        begun.file().write_all(b"new").unwrap();
        begun.finish(&name).unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"new");
    }

    #[test]
    fn a_backup_that_cannot_get_its_name_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let begun = UnfinishedBackup::begin(&folder.path().join("a.backup")).unwrap();
        assert!(begun.finish(&folder.path().join("absent/a.backup")).is_err());
        assert!(names(folder.path()).is_empty());
    }
}

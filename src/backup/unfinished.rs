//! A backup that is being written: it has a temporary name until it is complete, and is removed if
//! it never is.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The suffix of the temporary name.
const SUFFIX: &str = ".unfinished";

/// A temporary file that is renamed once the backup is complete, and removed if it is dropped
/// before. The remains of a killed process are replaced by the next backup of the same name.
#[derive(Debug)]
pub struct UnfinishedBackup {
    path: PathBuf,
    file: File,
    complete: bool,
}

/// Why a backup file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UnfinishedBackupError {
    /// Another process has locked the file.
    #[error("{} is being written by another process: wait until that has ended", .0.display())]
    InUse(PathBuf),
    /// An error of the operating system.
    #[error("{} cannot be written ({cause}): free space, or give this process access", path.display())]
    Io {
        path: PathBuf,
        /// The error of the operating system, which the message includes.
        cause: io::Error,
    },
}

impl UnfinishedBackup {
    /// Creates and locks the temporary file for `name`, in the same directory.
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
            // The previous holder of the lock may have renamed the file; then this is its finished
            // backup, which must not be overwritten.
            if is_same_file(&file, &path).map_err(failed)? {
                file.set_len(0).map_err(failed)?;
                return Ok(UnfinishedBackup { path, file, complete: false });
            }
        }
    }

    /// The file to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the complete backup and renames it to `name`.
    ///
    /// # Errors
    /// If either fails; the temporary file is removed then.
    pub fn finish(mut self, name: &Path) -> Result<(), UnfinishedBackupError> {
        let finished = self.file.sync_all().and_then(|()| fs::rename(&self.path, name));
        finished.map_err(|cause| UnfinishedBackupError::Io { path: self.path.clone(), cause })?;
        self.complete = true;
        Ok(())
    }
}

impl Drop for UnfinishedBackup {
    fn drop(&mut self) {
        if !self.complete {
            // If this fails, the next backup replaces the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the path still refers to this open file.
fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
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
    fn only_a_complete_backup_is_kept() {
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
    fn the_remains_of_a_killed_process_are_replaced_but_not_the_file_of_a_running_one() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a.backup");
        fs::write(folder.path().join("a.backup.unfinished"), "remains of a longer backup").unwrap();
        let begun = UnfinishedBackup::begin(&name).unwrap();
        assert!(matches!(UnfinishedBackup::begin(&name), Err(UnfinishedBackupError::InUse(_))));
        begun.file().write_all(b"new").unwrap();
        begun.finish(&name).unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"new");
    }

    #[test]
    fn a_backup_that_cannot_be_renamed_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let begun = UnfinishedBackup::begin(&folder.path().join("a.backup")).unwrap();
        assert!(begun.finish(&folder.path().join("absent/a.backup")).is_err());
        assert!(names(folder.path()).is_empty());
    }
}

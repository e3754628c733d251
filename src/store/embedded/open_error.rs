//! Why the embedded store could not be opened.

use std::io;
use std::path::{Path, PathBuf};

use github_stats_actors::store::StoreError;

/// Why the embedded store could not be opened. What was there was left as it was, whatever the reason.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error(
        "the store {path} is in use by another process: stop that one, or set another store.path for this one"
    )]
    InUse {
        /// The directory or file that is locked.
        path: PathBuf,
    },
    /// The file holds no complete database of this product.
    #[error(
        "the store {path} is damaged and was left untouched ({reason}): restore it from a backup, or move it away to \
         begin anew with an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A later version of this product wrote it.
    #[error(
        "the store {path} was written by a newer github-stats (its format is {found}, this version knows {known}): run \
         that version again, or set another store.path"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The format this version writes.
        known: u64,
    },
    /// `store.path` names something that is no directory.
    #[error(
        "store.path {path} is not a directory: name a directory, which may be missing but must not be a file"
    )]
    NotADirectory {
        /// What was named.
        path: PathBuf,
    },
    /// The operating system refuses to read or write it.
    #[error("the store {path} cannot be read and written ({cause}): give this process access to it")]
    Inaccessible {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// There is no room for it.
    #[error("there is no room for the store {path} ({cause}): free space on its volume")]
    Full {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
}

impl OpenError {
    /// What an error of the operating system about `path` means.
    pub(super) fn from_io(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::Full { path, cause },
            // How the database says that the file is none, or ends inside one.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                OpenError::Damaged { path, reason: cause.to_string() }
            }
            _ => OpenError::Inaccessible { path, cause },
        }
    }

    /// What an error of the database about the file `path` means.
    pub(super) fn from_database(path: &Path, error: impl Into<redb::Error>) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                OpenError::InUse { path: path.to_owned() }
            }
            redb::Error::Io(cause) => OpenError::from_io(path, cause),
            other => OpenError::Damaged { path: path.to_owned(), reason: other.to_string() },
        }
    }
}

/// What it means to a caller of the store, when the file had to be opened again.
impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        let said = error.to_string();
        match error {
            OpenError::InUse { .. } | OpenError::Inaccessible { .. } => StoreError::Unavailable(said),
            OpenError::Full { .. } => StoreError::Full(said),
            OpenError::Damaged { .. } | OpenError::Newer { .. } | OpenError::NotADirectory { .. } => {
                StoreError::Damaged(said)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_names_the_path_and_what_to_do_in_one_sentence() {
        let path = || PathBuf::from("/data/github-stats.redb");
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let errors = [
            OpenError::InUse { path: path() },
            OpenError::Damaged { path: path(), reason: "garbage".into() },
            OpenError::Newer { path: path(), found: 2, known: 1 },
            OpenError::NotADirectory { path: path() },
            OpenError::from_io(&path(), refused()),
            OpenError::from_io(&path(), io::ErrorKind::StorageFull.into()),
        ];
        for error in errors {
            let said = error.to_string();
            assert!(said.contains("/data/github-stats.redb") && said.contains(": "), "{said}");
            assert!(!said.contains('\n') && !said.contains("  "), "{said}");
        }
        assert!(OpenError::from_io(&path(), refused()).to_string().contains("permission denied"));
    }
}

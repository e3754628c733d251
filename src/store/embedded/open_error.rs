//! Why the embedded store could not be opened.

use std::io;
use std::path::{Path, PathBuf};

use github_stats_actors::store::StoreError;

/// Why the embedded store could not be opened. In all cases the existing files were left unchanged.
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
    /// The file is not a complete database of this product.
    #[error(
        "the store {path} is damaged and was left unchanged ({reason}): restore it from a backup, or move it away to \
         start with an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        reason: String,
    },
    /// A later version of this product wrote it.
    #[error(
        "the store {path} was written by a newer github-stats (it has format {found}, this version supports up to {known}): \
         run the newer version, or set another store.path"
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
        "store.path {path} is not a directory: set it to a directory, which is created if it does not exist"
    )]
    NotADirectory {
        /// The configured path.
        path: PathBuf,
    },
    /// The operating system does not allow reading or writing it.
    #[error("the store {path} cannot be read and written ({cause}): give this process access to it")]
    Inaccessible {
        /// The directory or file.
        path: PathBuf,
        /// The error of the operating system, which the message includes.
        cause: io::Error,
    },
    /// The volume or the quota is full.
    #[error("there is no space for the store {path} ({cause}): free space on its volume")]
    Full {
        /// The directory or file.
        path: PathBuf,
        /// The error of the operating system, which the message includes.
        cause: io::Error,
    },
}

impl OpenError {
    /// Classifies an error of the operating system about `path`.
    pub(super) fn from_io(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::Full { path, cause },
            // The database reports a file in another format, or a truncated one, with these kinds.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                OpenError::Damaged { path, reason: cause.to_string() }
            }
            _ => OpenError::Inaccessible { path, cause },
        }
    }

    /// Classifies an error of the database about the file `path`.
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

/// The error of a call for which the file had to be reopened.
impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        let text = error.to_string();
        match error {
            OpenError::InUse { .. } | OpenError::Inaccessible { .. } => StoreError::Unavailable(text),
            OpenError::Full { .. } => StoreError::Full(text),
            OpenError::Damaged { .. } | OpenError::Newer { .. } | OpenError::NotADirectory { .. } => {
                StoreError::Damaged(text)
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
            let text = error.to_string();
            assert!(text.contains("/data/github-stats.redb") && text.contains(": "), "{text}");
            assert!(!text.contains('\n') && !text.contains("  "), "{text}");
        }
        assert!(OpenError::from_io(&path(), refused()).to_string().contains("permission denied"));
    }
}

//! Errors inside a transaction.

use std::io;

use github_stats_actors::store::StoreError;

/// An error of the database itself, or of the data in it.
#[derive(Debug)]
pub(super) enum DatabaseFailure {
    /// The database failed.
    Database(Box<redb::Error>),
    /// The call failed although the database works.
    Store(StoreError),
}

impl DatabaseFailure {
    /// The error of a stored entry that cannot be decoded.
    pub(super) fn damaged(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        DatabaseFailure::Store(StoreError::Damaged(format!("{what}: {why}")))
    }

    /// Whether the database refuses all further operations until it is reopened.
    pub(super) fn requires_reopening(&self) -> bool {
        use redb::Error::{DatabaseClosed, Io, LockPoisoned, PreviousIo};
        matches!(self, DatabaseFailure::Database(error)
            if matches!(**error, Io(_) | PreviousIo | DatabaseClosed | LockPoisoned(_)))
    }
}

macro_rules! from_database_errors {
    ($($error:ty),*) => {
        $(impl From<$error> for DatabaseFailure {
            fn from(error: $error) -> Self {
                DatabaseFailure::Database(Box::new(error.into()))
            }
        })*
    };
}

from_database_errors!(redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError);

impl From<StoreError> for DatabaseFailure {
    fn from(error: StoreError) -> Self {
        DatabaseFailure::Store(error)
    }
}

impl From<DatabaseFailure> for StoreError {
    fn from(failure: DatabaseFailure) -> Self {
        use redb::Error;
        match failure {
            DatabaseFailure::Store(error) => error,
            DatabaseFailure::Database(error) => match *error {
                Error::Io(cause) => match cause.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        StoreError::Full(cause.to_string())
                    }
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                        StoreError::Damaged(cause.to_string())
                    }
                    _ => StoreError::Unavailable(cause.to_string()),
                },
                error @ (Error::Corrupted(_)
                | Error::TableDoesNotExist(_)
                | Error::TableTypeMismatch { .. }
                | Error::TableIsMultimap(_)
                | Error::TypeDefinitionChanged { .. }) => StoreError::Damaged(error.to_string()),
                other => StoreError::Unavailable(other.to_string()),
            },
        }
    }
}

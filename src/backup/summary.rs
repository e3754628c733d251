//! The size of a backup.

/// The contents of a backup, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupSummary {
    pub repositories: u64,
    pub records: u64,
}

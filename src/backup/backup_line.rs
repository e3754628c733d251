//! The lines of a backup.

use github_stats_actors::activity::{FactId, Record, RepoState, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The format this version writes, and the greatest it reads.
pub const FORMAT: u32 = 1;

/// One line of a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupLine {
    /// The first line.
    GithubStatsBackup {
        /// The version of the format.
        format: u32,
        /// When it was begun, in seconds since the Unix epoch.
        created_at: Timestamp,
    },
    /// A repository; the records that follow are its.
    Repository(Box<RepoState>),
    /// A record of the repository before it.
    Record {
        /// `kind:id`.
        #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
        id: FactId,
        /// What is known of it.
        record: Record,
    },
    /// The last line.
    End {
        /// Repositories before it.
        repositories: u64,
        /// Records before it.
        records: u64,
        /// SHA-256 of all lines before it, line ends included, in hexadecimal.
        sha256: String,
    },
}

fn to_text<S: Serializer>(id: &FactId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FactId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

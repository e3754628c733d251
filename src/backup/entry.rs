//! The entries of a backup.

use github_stats_actors::activity::{FactId, Record, RepoState, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The format this version writes, and the latest it reads.
pub const FORMAT: u32 = 1;

/// One entry of a backup: a line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupEntry {
    /// The first entry.
    #[serde(rename = "github_stats_backup")]
    Header {
        /// The version of the format.
        format: u32,
        /// When the backup was started, in seconds since the Unix epoch.
        created_at: Timestamp,
    },
    /// A repository, to which the following records belong.
    Repository(Box<RepoState>),
    /// A record of the preceding repository.
    Record {
        /// `kind:id`.
        #[serde(serialize_with = "to_text", deserialize_with = "from_text")]
        id: FactId,
        record: Record,
    },
    /// The last entry.
    End {
        /// Number of repositories.
        repositories: u64,
        /// Number of records.
        records: u64,
        /// SHA-256 of all preceding lines, including their line ends, in hexadecimal.
        sha256: String,
    },
}

fn to_text<S: Serializer>(id: &FactId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FactId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Bytes in lowercase hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

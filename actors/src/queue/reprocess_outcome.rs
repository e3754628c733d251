//! The outcome of reprocessing a dead letter.

use serde::{Deserialize, Serialize};

/// The answer to a request to reprocess a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReprocessOutcome {
    /// The id of the dead letter.
    pub id: String,
    /// The job that was published; `None` if the dead letter had been reprocessed before.
    pub job_id: Option<String>,
}

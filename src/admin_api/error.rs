//! The answer to a request that was not carried out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not carried out.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ErrorAnswer {
    /// What happened and what to do.
    pub error: String,
}

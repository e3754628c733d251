//! The list of endpoints.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The endpoints of the admin API.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Overview)]
pub struct EndpointList {
    pub endpoints: Vec<EndpointSummary>,
}

/// One endpoint.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Endpoint)]
pub struct EndpointSummary {
    /// The HTTP method in capitals.
    pub method: String,
    pub path: String,
    /// What the endpoint does.
    pub summary: String,
}

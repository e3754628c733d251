//! Pauses of scraping.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The current pauses.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Maintenance)]
pub struct MaintenanceList {
    pub maintenance: Vec<PauseReport>,
}

/// A pause of scraping.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Pause)]
pub struct PauseReport {
    /// The paused organisation; `*` for all.
    pub org: String,
    pub reason: String,
    /// Who requested the pause.
    pub by: String,
    #[schema(format = DateTime)]
    pub from: Option<String>,
    /// When the pause ends by itself.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    pub remaining_seconds: i64,
}

/// A request to pause scraping.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MaintenanceOrder)]
pub struct StartMaintenance {
    /// Why, for `/healthz` and the audit log.
    #[schema(max_length = 500)]
    pub reason: String,
    /// Who requests it; the caller's address by default.
    pub by: Option<String>,
    /// The organisation to pause; all by default.
    pub org: Option<String>,
    /// How long, such as `30m` or `1h30m`; one hour by default, at most `24h`.
    #[serde(rename = "for")]
    pub length: Option<String>,
}

/// Scraping was paused.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MaintenanceStarted {
    /// The new pause.
    pub started: PauseReport,
    /// All current pauses.
    pub maintenance: Vec<PauseReport>,
}

/// Which pauses to end.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EndMaintenance {
    /// The organisation whose pause ends; `*` for the pause of all organisations. Every pause by
    /// default.
    pub org: Option<String>,
    /// Who requests it, for the audit log; the caller's address by default.
    pub by: Option<String>,
}

/// Pauses were ended.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MaintenanceEnded {
    /// The pauses that were ended; empty if there were none.
    pub ended: Vec<PauseReport>,
    /// The pauses that remain.
    pub maintenance: Vec<PauseReport>,
}

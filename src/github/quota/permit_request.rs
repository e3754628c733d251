//! What a caller asks of a rate limiter, and how it is refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use github_stats_actors::activity::OrgName;
use github_stats_actors::source::RequestPriority;

use super::api_resource::ApiResource;
use super::hourly_cap::HourlyCap;
use super::wait_reason::WaitReason;

/// A request that is about to be sent.
#[derive(Clone, Copy)]
pub struct PermitRequest<'a> {
    /// The organisation on whose behalf it is sent.
    pub org: &'a OrgName,
    pub resource: ApiResource,
    /// Points it is expected to cost.
    pub cost: u64,
    pub priority: RequestPriority,
    /// The organisation's hourly cap, if it has one.
    pub cap: Option<&'a Arc<Mutex<HourlyCap>>>,
}

/// The request may not be sent now, and the wait is too long for the caller to be kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaRefusal {
    /// How long the wait would be.
    pub retry_after: Duration,
    pub reason: WaitReason,
}

//! Requests that wait, as reported in the status of a rate limiter.

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::source::RequestPriority;

use super::api_resource::ApiResource;
use super::wait_reason::WaitReason;

/// A request that waits, or one that was refused because its wait would be too long: its caller
/// retries later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The organisation on whose behalf the request is made.
    pub org: OrgName,
    pub resource: ApiResource,
    pub priority: RequestPriority,
    pub reason: WaitReason,
    /// The earliest end of the wait, on GitHub's clock; `None` while waiting for another request's
    /// response.
    pub until: Option<Timestamp>,
}

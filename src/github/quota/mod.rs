//! What may be asked of GitHub, and when: one room for everybody who asks with the same credentials.
//!
//! [`ResourceBudget`], [`HourlyCap`], [`MinuteLimit`] and [`MandatedWaits`] are rules without a clock; [`RateLimiter`] is the thin shell around them.

mod budget;
mod hourly_cap;
mod mandated_waits;
mod minute_limit;
mod rate_limiter;
mod report;
mod wait;

pub use budget::{BudgetState, QuotaShortage, RateLimitStatus, ResourceBudget};
pub use hourly_cap::HourlyCap;
pub use mandated_waits::MandatedWaits;
pub use minute_limit::MinuteLimit;
pub use rate_limiter::{QuotaRefusal, RateLimiter, RateLimiterSettings, RequestCost, RequestPermit};
pub use report::RateLimiterReport;
pub use wait::{RateLimiterState, Wait, WaitReason};

/// What GitHub counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiResource {
    /// The REST API.
    Core,
    /// The GraphQL API.
    Graphql,
}

impl ApiResource {
    /// All of them.
    pub const ALL: [ApiResource; 2] = [ApiResource::Core, ApiResource::Graphql];

    /// The name GitHub has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiResource::Core => "core",
            ApiResource::Graphql => "graphql",
        }
    }

    /// Points a minute that GitHub's secondary limit allows.
    fn points_per_minute(self) -> u64 {
        match self {
            ApiResource::Core => 900,
            ApiResource::Graphql => 2_000,
        }
    }
}

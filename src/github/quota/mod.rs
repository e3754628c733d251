//! Client-side rate limiting: which requests may be sent to GitHub, and when.
//!
//! All requests made with the same credentials pass through one [`RateLimiter`], because GitHub
//! counts them together. Where a rate limit becomes a wait:
//!
//! - before a request: [`RateLimiter::wait_until_allowed`] applies the [`ResourceBudget`] of the
//!   hour, the [`HourlyCap`] of the organisation, the [`MinuteLimit`] and the [`MandatedWaits`];
//! - after a response that reports a limit: [`RateLimiter::impose_primary_wait`] and
//!   [`RateLimiter::impose_secondary_wait`] record a mandated wait.
//!
//! The rules are free of clocks and locks; [`RateLimiter`] adds both.

mod api_resource;
mod budget;
mod hourly_cap;
mod limiter_state;
mod mandated_waits;
mod minute_limit;
mod permit;
mod permit_request;
mod rate_limiter;
mod report;
mod settings;
mod shared_limiter;
mod wait;
mod wait_reason;

pub use api_resource::ApiResource;
pub use budget::{BudgetState, QuotaShortage, RateLimitStatus, ResourceBudget};
pub use hourly_cap::HourlyCap;
pub use limiter_state::RateLimiterState;
pub use mandated_waits::MandatedWaits;
pub use minute_limit::MinuteLimit;
pub use permit::RequestPermit;
pub use permit_request::{PermitRequest, QuotaRefusal};
pub use rate_limiter::RateLimiter;
pub use report::RateLimiterReport;
pub use settings::RateLimiterSettings;
pub use wait::Wait;
pub use wait_reason::WaitReason;

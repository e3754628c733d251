//! Who waits for what, and until when.

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::source::RequestPriority;

use super::{ApiResource, BudgetState};

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// The first answer tells how many points there are.
    FirstAnswer,
    /// The points of this hour are used up.
    PrimaryLimit,
    /// Requests came too fast, and GitHub wants to be left alone.
    SecondaryLimit,
    /// GitHub allows only so many points a minute.
    PointsPerMinute,
    /// The organisation has spent what it may.
    Cap,
    /// The rest is kept back, and never spent.
    Threshold,
    /// The rest is for what is more urgent.
    MoreUrgent,
}

impl WaitReason {
    /// Its name in states; where a setting is the reason, that of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitReason::FirstAnswer => "first_answer",
            WaitReason::PrimaryLimit => "primary_limit",
            WaitReason::SecondaryLimit => "secondary_limit",
            WaitReason::PointsPerMinute => "points_per_minute",
            WaitReason::Cap => "max_api_points_per_hour",
            WaitReason::Threshold => "min_remaining_threshold",
            WaitReason::MoreUrgent => "more_urgent",
        }
    }

    /// Why nothing is asked, in a sentence that goes on with when there is more.
    pub fn sentence(self, resource: ApiResource) -> String {
        let resource = resource.as_str();
        match self {
            WaitReason::PrimaryLimit => format!("GitHub's {resource} rate limit is used up"),
            WaitReason::SecondaryLimit => "GitHub wants to be left alone (secondary rate limit)".to_owned(),
            WaitReason::Cap => "the organisation has spent what it may (max_api_points_per_hour)".to_owned(),
            WaitReason::Threshold => {
                format!("the rest of the {resource} quota is kept back (rate_limit.min_remaining_threshold)")
            }
            WaitReason::FirstAnswer | WaitReason::PointsPerMinute | WaitReason::MoreUrgent => {
                format!("what is left of the {resource} quota is kept for what is more urgent")
            }
        }
    }
}

/// A wait, or a request that was refused because its wait would be too long and is made again later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who waits.
    pub org: OrgName,
    /// Of which resource points are wanted.
    pub resource: ApiResource,
    /// For what they are wanted.
    pub purpose: RequestPriority,
    /// What is waited for.
    pub reason: WaitReason,
    /// Until when at least, on GitHub's clock; `None`: for the answer to another request.
    pub until: Option<Timestamp>,
}

/// What a room shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimiterState {
    /// Its budgets.
    pub budgets: Vec<(ApiResource, BudgetState)>,
    /// Until when GitHub wants nothing to be asked.
    pub holds: Vec<(ApiResource, WaitReason, Timestamp)>,
    /// Who waits.
    pub waits: Vec<Wait>,
}

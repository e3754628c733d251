//! Why a request has to wait.

use super::api_resource::ApiResource;

/// Why a request has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// The limit is unknown until the first response arrives.
    FirstResponse,
    /// GitHub's primary rate limit: the points of this hour are used up.
    PrimaryLimit,
    /// GitHub's secondary rate limit: requests came too fast.
    SecondaryLimit,
    /// The number of points that may be spent per minute.
    PointsPerMinute,
    /// The organisation's own hourly cap (`max_api_points_per_hour`).
    HourlyCap,
    /// Only the points that are never spent are left (`min_remaining_threshold`).
    Threshold,
    /// The remaining points are reserved for requests of higher priority.
    HigherPriority,
}

impl WaitReason {
    /// Its name in status reports; if a setting is the reason, the name of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitReason::FirstResponse => "first_answer",
            WaitReason::PrimaryLimit => "primary_limit",
            WaitReason::SecondaryLimit => "secondary_limit",
            WaitReason::PointsPerMinute => "points_per_minute",
            WaitReason::HourlyCap => "max_api_points_per_hour",
            WaitReason::Threshold => "min_remaining_threshold",
            WaitReason::HigherPriority => "more_urgent",
        }
    }

    /// The reason as a clause for error messages, without the time until which to wait.
    pub fn describe(self, resource: ApiResource) -> String {
        let resource = resource.as_str();
        match self {
            WaitReason::PrimaryLimit => format!("GitHub's {resource} rate limit is used up"),
            WaitReason::SecondaryLimit => "GitHub's secondary rate limit requires a pause".to_owned(),
            WaitReason::HourlyCap => {
                "the organisation has spent its hourly points (max_api_points_per_hour)".to_owned()
            }
            WaitReason::Threshold => {
                format!(
                    "the remaining {resource} points are kept in reserve (rate_limit.min_remaining_threshold)"
                )
            }
            WaitReason::FirstResponse | WaitReason::PointsPerMinute | WaitReason::HigherPriority => {
                format!("the remaining {resource} points are reserved for requests of higher priority")
            }
        }
    }
}

//! Who waits for what, and until when.

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::scheduler::Purpose;

use super::{BudgetState, Resource};

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
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

impl Reason {
    /// Its name in states; where a setting is the reason, that of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::FirstAnswer => "first_answer",
            Reason::PrimaryLimit => "primary_limit",
            Reason::SecondaryLimit => "secondary_limit",
            Reason::PointsPerMinute => "points_per_minute",
            Reason::Cap => "max_api_points_per_hour",
            Reason::Threshold => "min_remaining_threshold",
            Reason::MoreUrgent => "more_urgent",
        }
    }

    /// Why nothing is asked, in a sentence that goes on with when there is more.
    pub fn sentence(self, resource: Resource) -> String {
        let resource = resource.as_str();
        match self {
            Reason::PrimaryLimit => format!("GitHub's {resource} rate limit is used up"),
            Reason::SecondaryLimit => "GitHub wants to be left alone (secondary rate limit)".to_owned(),
            Reason::Cap => "the organisation has spent what it may (max_api_points_per_hour)".to_owned(),
            Reason::Threshold => {
                format!("the rest of the {resource} quota is kept back (rate_limit.min_remaining_threshold)")
            }
            Reason::FirstAnswer | Reason::PointsPerMinute | Reason::MoreUrgent => {
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
    pub resource: Resource,
    /// For what they are wanted.
    pub purpose: Purpose,
    /// What is waited for.
    pub reason: Reason,
    /// Until when at least, on GitHub's clock; `None`: for the answer to another request.
    pub until: Option<Timestamp>,
}

/// What a room shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomState {
    /// Its budgets.
    pub budgets: Vec<(Resource, BudgetState)>,
    /// Until when GitHub wants nothing to be asked.
    pub holds: Vec<(Resource, Reason, Timestamp)>,
    /// Who waits.
    pub waits: Vec<Wait>,
}

//! The points of one resource until its limit resets, and which requests may spend them.

use github_stats_actors::activity::{HOUR, Timestamp};
use github_stats_actors::source::RequestPriority;
use serde::{Deserialize, Serialize};

use super::wait_reason::WaitReason;

/// Resets at most this many seconds apart are the same: GitHub's servers disagree by a second or
/// two.
const SAME_RESET: i64 = 30;

/// A rate limit as a response reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimitStatus {
    /// Points per hour.
    pub limit: u64,
    /// Points left.
    pub remaining: u64,
    /// When all points of the limit are available again.
    pub reset: Timestamp,
}

/// The current state of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetState {
    /// Points per hour; 0 before the first response.
    pub limit: u64,
    /// Points left.
    pub remaining: u64,
    /// Points reserved for requests in flight.
    pub reserved: u64,
    /// Points that are never spent.
    pub kept_back: u64,
}

/// Why no points were reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaShortage {
    /// The limit is unknown until the first response arrives.
    Unknown,
    /// There are too few points until then.
    Until(Timestamp, WaitReason),
}

/// The budget of one resource. [`ResourceBudget::kept_back`] points are never spent, provided that
/// no request costs more than was reserved for it.
#[derive(Clone, Debug)]
pub struct ResourceBudget {
    threshold: u64,
    status: Option<RateLimitStatus>,
    reserved: u64,
    /// Points reserved for requests of other replicas.
    reserved_by_others: u64,
}

impl ResourceBudget {
    /// A budget whose limit is still unknown. `threshold` points, but at most a tenth of the limit,
    /// are never spent.
    pub fn new(threshold: u64) -> Self {
        ResourceBudget { threshold, status: None, reserved: 0, reserved_by_others: 0 }
    }

    /// Points that are never spent.
    pub fn kept_back(&self) -> u64 {
        self.status.map_or(self.threshold, |status| self.threshold.min(status.limit / 10))
    }

    /// Reserves `cost` points for a request at `now`.
    ///
    /// # Errors
    /// [`QuotaShortage`] if there are too few points for this priority.
    pub fn reserve(
        &mut self,
        cost: u64,
        priority: RequestPriority,
        now: Timestamp,
    ) -> Result<(), QuotaShortage> {
        let Some(status) = self.current(now) else {
            // The limit is unknown: a single request finds it out.
            return if self.reserved == 0 { self.grant(cost) } else { Err(QuotaShortage::Unknown) };
        };
        let left = status.remaining.saturating_sub(self.reserved + self.reserved_by_others);
        let free = left.saturating_sub(self.kept_back());
        if free.saturating_sub(self.reserved_for_higher_priorities(status, priority, now)) >= cost {
            return self.grant(cost);
        }
        let reason = match cost {
            cost if free >= cost => WaitReason::HigherPriority,
            cost if left >= cost => WaitReason::Threshold,
            _ => WaitReason::PrimaryLimit,
        };
        Err(QuotaShortage::Until(status.reset, reason))
    }

    /// Releases the points reserved for a request; `spent` is what it cost if no response reports
    /// the remaining points.
    pub fn settle(&mut self, reserved: u64, spent: u64) {
        self.reserved = self.reserved.saturating_sub(reserved);
        if let Some(status) = &mut self.status {
            status.remaining = status.remaining.saturating_sub(spent);
        }
    }

    /// Records the limit that a response reported. Responses overtake each other, so that within
    /// one hour the lowest number of remaining points counts.
    pub fn observe(&mut self, status: RateLimitStatus) {
        self.status = match self.status {
            Some(known) if status.reset < known.reset - SAME_RESET => Some(known),
            Some(known) if status.reset <= known.reset + SAME_RESET => {
                Some(RateLimitStatus { remaining: status.remaining.min(known.remaining), ..status })
            }
            _ => Some(status),
        };
    }

    /// The limit as last reported.
    pub(super) fn status(&self) -> Option<RateLimitStatus> {
        self.status
    }

    /// Points reserved for requests of this replica.
    pub(super) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Sets the points reserved for requests of other replicas.
    pub(super) fn set_reserved_by_others(&mut self, points: u64) {
        self.reserved_by_others = points;
    }

    /// The state at `now`.
    pub fn state(&self, now: Timestamp) -> BudgetState {
        let status = self.current(now);
        BudgetState {
            limit: status.map_or(0, |status| status.limit),
            remaining: status.map_or(0, |status| status.remaining),
            reserved: self.reserved,
            kept_back: self.kept_back(),
        }
    }

    fn grant(&mut self, cost: u64) -> Result<(), QuotaShortage> {
        self.reserved += cost;
        Ok(())
    }

    fn current(&self, now: Timestamp) -> Option<RateLimitStatus> {
        let status = self.status?;
        let is_full_again = now >= status.reset;
        Some(if is_full_again {
            RateLimitStatus { remaining: status.limit, reset: now + HOUR, ..status }
        } else {
            status
        })
    }

    /// Points that a priority leaves to the higher ones; the nearer the reset, the fewer.
    fn reserved_for_higher_priorities(
        &self,
        status: RateLimitStatus,
        priority: RequestPriority,
        now: Timestamp,
    ) -> u64 {
        let percent = match priority {
            RequestPriority::Live => 0,
            RequestPriority::Backfill => 40,
            RequestPriority::Loc => 70,
        };
        let left = status.reset.seconds_since(now).clamp(0, HOUR).unsigned_abs();
        status.limit * percent / 100 * left / HOUR.unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RESET: Timestamp = Timestamp::from_unix(10_000);

    fn budget(limit: u64, remaining: u64) -> ResourceBudget {
        let mut budget = ResourceBudget::new(200);
        budget.observe(RateLimitStatus { limit, remaining, reset: RESET });
        budget
    }

    #[test]
    fn only_one_request_is_sent_while_the_limit_is_unknown() {
        let mut budget = ResourceBudget::new(200);
        assert_eq!(budget.reserve(1, RequestPriority::Live, RESET), Ok(()));
        assert_eq!(budget.reserve(1, RequestPriority::Live, RESET), Err(QuotaShortage::Unknown));
        budget.settle(1, 1);
        budget.observe(RateLimitStatus { limit: 300, remaining: 299, reset: RESET + 3600 });
        assert_eq!(budget.reserve(100, RequestPriority::Live, RESET), Ok(()));
    }

    #[test]
    fn no_more_than_a_tenth_is_kept_back() {
        assert_eq!(budget(5_000, 5_000).kept_back(), 200);
        assert_eq!(budget(300, 300).kept_back(), 30);
    }

    #[test]
    fn lower_priorities_wait_first_and_leave_less_as_the_reset_approaches() {
        let early = RESET - 3600;
        let mut scarce = budget(1_000, 450);
        let refused = Err(QuotaShortage::Until(RESET, WaitReason::HigherPriority));
        assert_eq!(scarce.reserve(10, RequestPriority::Loc, early), refused);
        assert_eq!(scarce.reserve(10, RequestPriority::Backfill, early), refused);
        assert_eq!(scarce.reserve(10, RequestPriority::Live, early), Ok(()));
        assert_eq!(scarce.reserve(10, RequestPriority::Backfill, RESET - 900), Ok(()));
        assert_eq!(scarce.reserve(10, RequestPriority::Loc, RESET - 60), Ok(()));
    }

    #[test]
    fn responses_that_overtake_each_other_do_not_add_points() {
        let mut budget = budget(5_000, 4_000);
        budget.observe(RateLimitStatus { limit: 5_000, remaining: 4_100, reset: RESET + 1 });
        assert_eq!(budget.state(RESET - 10).remaining, 4_000);
        budget.observe(RateLimitStatus { limit: 5_000, remaining: 5_000, reset: RESET - 3_000 });
        assert_eq!(budget.state(RESET - 10).remaining, 4_000);
        budget.observe(RateLimitStatus { limit: 5_000, remaining: 4_999, reset: RESET + 3_600 });
        assert_eq!(budget.state(RESET).remaining, 4_999);
    }

    #[test]
    fn all_points_are_available_after_the_reset() {
        let mut empty = budget(5_000, 200);
        assert_eq!(
            empty.reserve(1, RequestPriority::Live, RESET - 1),
            Err(QuotaShortage::Until(RESET, WaitReason::Threshold))
        );
        assert_eq!(
            empty.reserve(201, RequestPriority::Live, RESET - 1),
            Err(QuotaShortage::Until(RESET, WaitReason::PrimaryLimit))
        );
        assert_eq!(empty.reserve(1, RequestPriority::Live, RESET), Ok(()));
    }

    proptest! {
        #[test]
        fn points_kept_back_are_never_spent(
            limit in 10u64..20_000,
            requests in proptest::collection::vec((0usize..3, 1u64..50, any::<bool>()), 1..400),
        ) {
            let mut budget = ResourceBudget::new(200);
            budget.observe(RateLimitStatus { limit, remaining: limit, reset: RESET });
            let (mut truth, mut now, mut in_flight) = (limit, RESET - 3_600, Vec::new());
            for (priority, cost, ends) in requests {
                now = (now + 7).min(RESET - 1);
                if budget.reserve(cost, RequestPriority::ALL[priority], now).is_ok() {
                    in_flight.push(cost);
                }
                if ends && let Some(cost) = in_flight.pop() {
                    truth -= cost;
                    budget.settle(cost, cost);
                    budget.observe(RateLimitStatus { limit, remaining: truth, reset: RESET });
                }
                let still = in_flight.iter().sum::<u64>();
                prop_assert!(truth - still >= limit / 10 || truth - still >= 200);
                prop_assert_eq!(budget.state(now).reserved, still);
            }
        }
    }
}

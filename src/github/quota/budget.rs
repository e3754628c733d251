//! The points of one resource until its limit resets: who may still spend, and how many.

use github_stats_actors::activity::{HOUR, Timestamp};
use github_stats_actors::source::RequestPriority;
use serde::{Deserialize, Serialize};

use super::WaitReason;

/// Two resets this near to each other are the same one: GitHub's replicas disagree by a second or two.
const SAME_RESET: i64 = 30;

/// What an answer told of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimitStatus {
    /// Points an hour.
    pub limit: u64,
    /// Points left.
    pub remaining: u64,
    /// When there are as many again as the limit.
    pub reset: Timestamp,
}

/// What a budget shows of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetState {
    /// Points an hour; 0 before the first answer.
    pub limit: u64,
    /// Points left.
    pub remaining: u64,
    /// Points of requests under way.
    pub reserved: u64,
    /// Points that are never spent.
    pub kept_back: u64,
}

/// Why no points were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaShortage {
    /// Nobody knows yet how many there are; the first answer tells.
    Unknown,
    /// There are not so many until then.
    Until(Timestamp, WaitReason),
}

/// The budget of one resource. Never more is granted than leaves [`ResourceBudget::kept_back`] untouched, whatever the requests
/// under way turn out to cost, as long as they cost no more than was reserved.
#[derive(Clone, Debug)]
pub struct ResourceBudget {
    threshold: u64,
    told: Option<RateLimitStatus>,
    reserved: u64,
    /// Points of requests that others have under way.
    elsewhere: u64,
}

impl ResourceBudget {
    /// A budget of which nothing is known yet, and of which `threshold` points, at most a tenth, are kept back.
    pub fn new(threshold: u64) -> Self {
        ResourceBudget { threshold, told: None, reserved: 0, elsewhere: 0 }
    }

    /// Points that are never spent.
    pub fn kept_back(&self) -> u64 {
        self.told.map_or(self.threshold, |told| self.threshold.min(told.limit / 10))
    }

    /// Takes `cost` points for a request at `now`.
    ///
    /// # Errors
    /// Why not, and until when.
    pub fn reserve(
        &mut self,
        cost: u64,
        purpose: RequestPriority,
        now: Timestamp,
    ) -> Result<(), QuotaShortage> {
        let Some(told) = self.current(now) else {
            // Nobody knows yet how much there is: one request finds out for all.
            return if self.reserved == 0 { self.grant(cost) } else { Err(QuotaShortage::Unknown) };
        };
        let left = told.remaining.saturating_sub(self.reserved + self.elsewhere);
        let free = left.saturating_sub(self.kept_back());
        if free.saturating_sub(self.share_of_the_more_urgent(told, purpose, now)) >= cost {
            return self.grant(cost);
        }
        let reason = match cost {
            cost if free >= cost => WaitReason::MoreUrgent,
            cost if left >= cost => WaitReason::Threshold,
            _ => WaitReason::PrimaryLimit,
        };
        Err(QuotaShortage::Until(told.reset, reason))
    }

    /// A request that had taken `reserved` points has ended; `spent` is what no answer will tell of it.
    pub fn settle(&mut self, reserved: u64, spent: u64) {
        self.reserved = self.reserved.saturating_sub(reserved);
        if let Some(told) = &mut self.told {
            told.remaining = told.remaining.saturating_sub(spent);
        }
    }

    /// An answer told the limit. Answers overtake each other, so that within one hour the least that was told counts.
    pub fn learn(&mut self, told: RateLimitStatus) {
        self.told = match self.told {
            Some(known) if told.reset < known.reset - SAME_RESET => Some(known),
            Some(known) if told.reset <= known.reset + SAME_RESET => {
                Some(RateLimitStatus { remaining: told.remaining.min(known.remaining), ..told })
            }
            _ => Some(told),
        };
    }

    /// What was told last.
    pub(super) fn told(&self) -> Option<RateLimitStatus> {
        self.told
    }

    /// Points of requests under way here.
    pub(super) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// So many points are used by requests of others.
    pub(super) fn set_elsewhere(&mut self, points: u64) {
        self.elsewhere = points;
    }

    /// What it shows of itself at `now`.
    pub fn state(&self, now: Timestamp) -> BudgetState {
        let told = self.current(now);
        BudgetState {
            limit: told.map_or(0, |told| told.limit),
            remaining: told.map_or(0, |told| told.remaining),
            reserved: self.reserved,
            kept_back: self.kept_back(),
        }
    }

    fn grant(&mut self, cost: u64) -> Result<(), QuotaShortage> {
        self.reserved += cost;
        Ok(())
    }

    fn current(&self, now: Timestamp) -> Option<RateLimitStatus> {
        let told = self.told?;
        let is_full_again = now >= told.reset;
        Some(if is_full_again {
            RateLimitStatus { remaining: told.limit, reset: now + HOUR, ..told }
        } else {
            told
        })
    }

    /// What less urgent purposes leave to the more urgent ones; the nearer the reset, the less.
    fn share_of_the_more_urgent(
        &self,
        told: RateLimitStatus,
        purpose: RequestPriority,
        now: Timestamp,
    ) -> u64 {
        let percent = match purpose {
            RequestPriority::Live => 0,
            RequestPriority::Backfill => 40,
            RequestPriority::Loc => 70,
        };
        let left = told.reset.seconds_since(now).clamp(0, HOUR).unsigned_abs();
        told.limit * percent / 100 * left / HOUR.unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RESET: Timestamp = Timestamp::from_unix(10_000);

    fn budget(limit: u64, remaining: u64) -> ResourceBudget {
        let mut budget = ResourceBudget::new(200);
        budget.learn(RateLimitStatus { limit, remaining, reset: RESET });
        budget
    }

    #[test]
    fn one_request_finds_out_how_much_there_is() {
        let mut budget = ResourceBudget::new(200);
        assert_eq!(budget.reserve(1, RequestPriority::Live, RESET), Ok(()));
        assert_eq!(budget.reserve(1, RequestPriority::Live, RESET), Err(QuotaShortage::Unknown));
        budget.settle(1, 1);
        budget.learn(RateLimitStatus { limit: 300, remaining: 299, reset: RESET + 3600 });
        assert_eq!(budget.reserve(100, RequestPriority::Live, RESET), Ok(()));
    }

    #[test]
    fn no_more_than_a_tenth_is_kept_back() {
        assert_eq!(budget(5_000, 5_000).kept_back(), 200);
        assert_eq!(budget(300, 300).kept_back(), 30);
    }

    #[test]
    fn the_less_urgent_waits_first_and_for_less_as_the_reset_comes_near() {
        let early = RESET - 3600;
        let mut scarce = budget(1_000, 450);
        let urgent = Err(QuotaShortage::Until(RESET, WaitReason::MoreUrgent));
        assert_eq!(scarce.reserve(10, RequestPriority::Loc, early), urgent);
        assert_eq!(scarce.reserve(10, RequestPriority::Backfill, early), urgent);
        assert_eq!(scarce.reserve(10, RequestPriority::Live, early), Ok(()));
        assert_eq!(scarce.reserve(10, RequestPriority::Backfill, RESET - 900), Ok(()));
        assert_eq!(scarce.reserve(10, RequestPriority::Loc, RESET - 60), Ok(()));
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_make_points() {
        let mut budget = budget(5_000, 4_000);
        budget.learn(RateLimitStatus { limit: 5_000, remaining: 4_100, reset: RESET + 1 });
        assert_eq!(budget.state(RESET - 10).remaining, 4_000);
        budget.learn(RateLimitStatus { limit: 5_000, remaining: 5_000, reset: RESET - 3_000 });
        assert_eq!(budget.state(RESET - 10).remaining, 4_000);
        budget.learn(RateLimitStatus { limit: 5_000, remaining: 4_999, reset: RESET + 3_600 });
        assert_eq!(budget.state(RESET).remaining, 4_999);
    }

    #[test]
    fn after_its_reset_it_is_full_again() {
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
        fn what_is_kept_back_is_never_spent(
            limit in 10u64..20_000,
            asked in proptest::collection::vec((0usize..3, 1u64..50, any::<bool>()), 1..400),
        ) {
            let mut budget = ResourceBudget::new(200);
            budget.learn(RateLimitStatus { limit, remaining: limit, reset: RESET });
            let (mut truth, mut now, mut under_way) = (limit, RESET - 3_600, Vec::new());
            for (purpose, cost, ends) in asked {
                now = (now + 7).min(RESET - 1);
                if budget.reserve(cost, RequestPriority::ALL[purpose], now).is_ok() {
                    under_way.push(cost);
                }
                if ends && let Some(cost) = under_way.pop() {
                    truth -= cost;
                    budget.settle(cost, cost);
                    budget.learn(RateLimitStatus { limit, remaining: truth, reset: RESET });
                }
                let still = under_way.iter().sum::<u64>();
                prop_assert!(truth - still >= limit / 10 || truth - still >= 200);
                prop_assert_eq!(budget.state(now).reserved, still);
            }
        }
    }
}

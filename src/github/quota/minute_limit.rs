//! The points spent in the last minute, which GitHub's secondary rate limit counts.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
/// How soon to check again when other replicas have used up the minute: when they did is unknown.
const RECHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Allows a fixed number of points in any minute.
#[derive(Clone, Debug)]
pub struct MinuteLimit {
    points: u64,
    spent: VecDeque<(Instant, u64)>,
    /// Points that other replicas spent in the minute before their reports arrived.
    spent_by_others: Option<(Instant, u64)>,
}

impl MinuteLimit {
    /// Allows `points` in any minute.
    pub fn new(points: u64) -> Self {
        MinuteLimit { points, spent: VecDeque::new(), spent_by_others: None }
    }

    /// Takes `cost` points at `now`.
    ///
    /// # Errors
    /// The instant from which on there are enough points.
    pub fn take(&mut self, cost: u64, now: Instant) -> Result<(), Instant> {
        let mut sum = self.points_of_last_minute(now);
        let spent_by_others = self
            .spent_by_others
            .filter(|(reported, _)| now < *reported + MINUTE)
            .map_or(0, |(_, points)| points);
        let allowed = self.points.saturating_sub(spent_by_others);
        if (sum == 0 && spent_by_others == 0) || sum + cost <= allowed {
            self.spent.push_back((now, cost));
            return Ok(());
        }
        if sum == 0 {
            return Err(now + RECHECK_INTERVAL);
        }
        let enough = self.spent.iter().find(|(_, points)| {
            sum -= points;
            sum == 0 || sum + cost <= allowed
        });
        Err(enough.map_or(now, |(at, _)| *at) + MINUTE)
    }

    /// Points spent in the last minute.
    pub(super) fn points_of_last_minute(&mut self, now: Instant) -> u64 {
        while self.spent.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
            self.spent.pop_front();
        }
        self.spent.iter().map(|(_, points)| points).sum()
    }

    /// Sets the points that other replicas spent in their last minute, as reported at `now`.
    pub(super) fn set_spent_by_others(&mut self, points: u64, now: Instant) {
        self.spent_by_others = Some((now, points));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_minute_has_more_points_than_allowed_and_every_wait_ends(requests in proptest::collection::vec((1u64..20, 0u64..5_000), 1..200)) {
            let mut limit = MinuteLimit::new(50);
            let mut now = Instant::now();
            let mut granted: Vec<(Instant, u64)> = Vec::new();
            for (cost, pause) in requests {
                now += Duration::from_millis(pause);
                while let Err(until) = limit.take(cost, now) {
                    prop_assert!(until > now && until <= now + MINUTE);
                    now = until;
                }
                granted.push((now, cost));
                let minute: u64 = granted.iter().filter(|(at, _)| *at + MINUTE > now).map(|(_, cost)| cost).sum();
                prop_assert!(minute <= 50);
            }
        }
    }
}

//! Points of the last minute: GitHub's secondary limit counts them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
/// How soon to ask again when others have used up the minute: only they know when theirs was.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Lets no more points through in any minute than it is told.
#[derive(Clone, Debug)]
pub struct MinuteLimit {
    points: u64,
    spent: VecDeque<(Instant, u64)>,
    /// Points that others let through in the minute before that was heard.
    elsewhere: Option<(Instant, u64)>,
}

impl MinuteLimit {
    /// So many points in any minute.
    pub fn new(points: u64) -> Self {
        MinuteLimit { points, spent: VecDeque::new(), elsewhere: None }
    }

    /// Takes `cost` points at `now`.
    ///
    /// # Errors
    /// Not before then.
    pub fn take(&mut self, cost: u64, now: Instant) -> Result<(), Instant> {
        let mut sum = self.points_of_the_last(now);
        let elsewhere =
            self.elsewhere.filter(|(heard, _)| now < *heard + MINUTE).map_or(0, |(_, points)| points);
        let ceiling = self.points.saturating_sub(elsewhere);
        if (sum == 0 && elsewhere == 0) || sum + cost <= ceiling {
            self.spent.push_back((now, cost));
            return Ok(());
        }
        if sum == 0 {
            return Err(now + ASK_AGAIN);
        }
        let enough = self.spent.iter().find(|(_, points)| {
            sum -= points;
            sum == 0 || sum + cost <= ceiling
        });
        Err(enough.map_or(now, |(at, _)| *at) + MINUTE)
    }

    /// Points of the last minute.
    pub(super) fn points_of_the_last(&mut self, now: Instant) -> u64 {
        while self.spent.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
            self.spent.pop_front();
        }
        self.spent.iter().map(|(_, points)| points).sum()
    }

    /// Others let so many points through in their last minute, as heard at `now`.
    pub(super) fn set_elsewhere(&mut self, points: u64, now: Instant) {
        self.elsewhere = Some((now, points));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_minute_has_more_points_and_every_wait_ends(asked in proptest::collection::vec((1u64..20, 0u64..5_000), 1..200)) {
            let mut ceiling = MinuteLimit::new(50);
            let mut now = Instant::now();
            let mut granted: Vec<(Instant, u64)> = Vec::new();
            for (cost, pause) in asked {
                now += Duration::from_millis(pause);
                while let Err(until) = ceiling.take(cost, now) {
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

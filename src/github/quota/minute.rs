//! Points of the last minute: GitHub's secondary limit counts them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// Lets no more points through in any minute than it is told.
#[derive(Clone, Debug)]
pub struct MinuteCeiling {
    points: u64,
    spent: VecDeque<(Instant, u64)>,
}

impl MinuteCeiling {
    /// So many points in any minute.
    pub fn new(points: u64) -> Self {
        MinuteCeiling { points, spent: VecDeque::new() }
    }

    /// Takes `cost` points at `now`.
    ///
    /// # Errors
    /// Not before then.
    pub fn take(&mut self, cost: u64, now: Instant) -> Result<(), Instant> {
        while self.spent.front().is_some_and(|(at, _)| *at + MINUTE <= now) {
            self.spent.pop_front();
        }
        let mut sum: u64 = self.spent.iter().map(|(_, points)| points).sum();
        if sum == 0 || sum + cost <= self.points {
            self.spent.push_back((now, cost));
            return Ok(());
        }
        let enough = self.spent.iter().find(|(_, points)| {
            sum -= points;
            sum == 0 || sum + cost <= self.points
        });
        Err(enough.map_or(now, |(at, _)| *at) + MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_minute_has_more_points_and_every_wait_ends(asked in proptest::collection::vec((1u64..20, 0u64..5_000), 1..200)) {
            let mut ceiling = MinuteCeiling::new(50);
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

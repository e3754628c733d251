//! The points that an organisation may spend per hour, regardless of GitHub's limits.

use github_stats_actors::activity::{HOUR, Timestamp};

/// A cap on the points per hour of all resources together.
#[derive(Clone, Debug)]
pub struct HourlyCap {
    points: u64,
    spent: u64,
    ends: Option<Timestamp>,
}

impl HourlyCap {
    /// Allows `points` per hour.
    pub fn new(points: u64) -> Self {
        HourlyCap { points, spent: 0, ends: None }
    }

    /// Takes `cost` points at `now`.
    ///
    /// # Errors
    /// The end of the current hour, from which on there are points again.
    pub fn take(&mut self, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        let ends = match self.ends {
            Some(ends) if now < ends => ends,
            _ => {
                self.spent = 0;
                now + HOUR
            }
        };
        self.ends = Some(ends);
        // A request that costs more than the whole cap would wait for ever: it gets an hour of its
        // own.
        if self.spent > 0 && self.spent + cost > self.points {
            return Err(ends);
        }
        self.spent += cost;
        Ok(())
    }

    /// Replaces the points taken for a request by the points it really cost.
    pub fn settle(&mut self, taken: u64, spent: u64) {
        self.spent = (self.spent + spent).saturating_sub(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hour_has_the_points_of_the_cap() {
        let start = Timestamp::from_unix(1_000);
        let mut cap = HourlyCap::new(10);
        assert_eq!(cap.take(6, start), Ok(()));
        assert_eq!(cap.take(6, start + 60), Err(start + HOUR));
        cap.settle(6, 1);
        assert_eq!(cap.take(6, start + 120), Ok(()));
        assert_eq!(cap.take(6, start + HOUR), Ok(()));
        assert_eq!(cap.take(6, start + HOUR + 1), Err(start + 2 * HOUR));
        assert_eq!(HourlyCap::new(3).take(4, start), Ok(()), "a single request is never refused for ever");
    }
}

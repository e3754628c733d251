//! The hourly budget of requests for single commits.

use crate::activity::{HOUR, Timestamp};

/// Up to `limit` requests an hour; the hour begins with the first one.
#[derive(Clone, Debug)]
pub struct HourBudget {
    limit: usize,
    spent: usize,
    ends: Option<Timestamp>,
    is_reported: bool,
}

impl HourBudget {
    /// A budget of `limit` requests an hour.
    pub fn new(limit: usize) -> Self {
        HourBudget { limit, spent: 0, ends: None, is_reported: false }
    }

    /// Takes up to `wanted` requests at `now`; returns how many are granted.
    pub fn take(&mut self, wanted: usize, now: Timestamp) -> usize {
        if self.ends.is_none_or(|ends| now >= ends) {
            *self = HourBudget { ends: Some(now + HOUR), ..HourBudget::new(self.limit) };
        }
        let taken = wanted.min(self.limit - self.spent);
        self.spent += taken;
        taken
    }

    /// Whether this is the first call in this hour. To be called when the budget did not suffice,
    /// so that it is reported once an hour.
    pub fn first_exhausted(&mut self) -> bool {
        !std::mem::replace(&mut self.is_reported, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_renews_hourly_and_its_exhaustion_is_reported_once() {
        let start = Timestamp::from_unix(1_000);
        let mut budget = HourBudget::new(10);
        assert_eq!(budget.take(7, start), 7);
        assert_eq!(budget.take(7, start + 60), 3);
        assert!(budget.first_exhausted() && !budget.first_exhausted());
        assert_eq!(budget.take(1, start + HOUR - 1), 0);
        assert_eq!(budget.take(4, start + HOUR), 4);
        assert!(budget.first_exhausted());
    }
}

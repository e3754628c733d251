//! How many single commits an organisation may still ask for this hour.

use crate::activity::{HOUR, Timestamp};

/// So many an hour; the hour begins with the first.
#[derive(Clone, Debug)]
pub struct HourBudget {
    most: usize,
    spent: usize,
    ends: Option<Timestamp>,
    told: bool,
}

impl HourBudget {
    /// A budget of so many an hour.
    pub fn new(most: usize) -> Self {
        HourBudget { most, spent: 0, ends: None, told: false }
    }

    /// Takes up to `wanted` at `now`; how many there are.
    pub fn take(&mut self, wanted: usize, now: Timestamp) -> usize {
        if self.ends.is_none_or(|ends| now >= ends) {
            *self = HourBudget { ends: Some(now + HOUR), ..HourBudget::new(self.most) };
        }
        let taken = wanted.min(self.most - self.spent);
        self.spent += taken;
        taken
    }

    /// Whether the end of the budget was met, for the first time in this hour.
    pub fn first_exhausted(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_so_many_and_its_end_is_told_once() {
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

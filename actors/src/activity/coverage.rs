//! The time that is known to be completely collected.

use serde::{Deserialize, Serialize};

use super::{Timestamp, Window};

/// A set of instants, stored as disjoint half-open intervals in ascending order that never touch.
///
/// Merging two coverages is set union; only [`Coverage::prune`] removes instants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage {
    windows: Vec<Window>,
}

impl Coverage {
    /// Nothing covered.
    pub fn new() -> Self {
        Self::default()
    }

    /// The intervals in ascending order.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Whether nothing is covered.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The first instant after everything covered.
    pub fn end(&self) -> Option<Timestamp> {
        self.windows.last().map(|w| w.to())
    }

    /// Adds an interval, and joins it with those it overlaps or touches.
    pub fn insert(&mut self, window: Window) {
        let first = self.windows.partition_point(|w| w.to() < window.from());
        let last = self.windows.partition_point(|w| w.from() <= window.to());
        let joined = self.windows[first..last].iter().fold(window, |joined, w| {
            Window::new(joined.from().min(w.from()), joined.to().max(w.to())).expect("a union is not empty")
        });
        self.windows.splice(first..last, [joined]);
    }

    /// Adds everything `other` covers.
    pub fn merge(&mut self, other: &Coverage) {
        for window in &other.windows {
            self.insert(*window);
        }
    }

    /// Whether all of `window` is covered.
    pub fn covers(&self, window: Window) -> bool {
        let index = self.windows.partition_point(|w| w.to() <= window.from());
        self.windows.get(index).is_some_and(|w| w.from() <= window.from() && window.to() <= w.to())
    }

    /// The parts of `due` that are not covered, in ascending order.
    pub fn gaps(&self, due: Window) -> Vec<Window> {
        let mut gaps = Vec::new();
        let mut reached = due.from();
        for covered in self.overlapping(due) {
            gaps.extend(Window::new(reached, covered.from()));
            reached = covered.to();
        }
        gaps.extend(Window::new(reached, due.to()));
        gaps
    }

    /// The number of seconds of `due` that are covered.
    pub fn seconds_within(&self, due: Window) -> i64 {
        self.overlapping(due).map(Window::seconds).sum()
    }

    /// Removes everything before `floor`.
    pub fn prune(&mut self, floor: Timestamp) {
        self.windows = self.windows.iter().filter_map(|w| Window::new(w.from().max(floor), w.to())).collect();
    }

    fn overlapping(&self, due: Window) -> impl Iterator<Item = Window> + '_ {
        let first = self.windows.partition_point(|w| w.to() <= due.from());
        self.windows[first..].iter().map_while(move |w| w.intersection(due))
    }
}

impl FromIterator<Window> for Coverage {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut coverage = Coverage::new();
        for window in windows {
            coverage.insert(window);
        }
        coverage
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The naive model: the set of covered seconds.
    fn seconds(coverage: &Coverage) -> BTreeSet<i64> {
        coverage.windows().iter().flat_map(|w| w.from().as_unix()..w.to().as_unix()).collect()
    }

    fn window() -> impl Strategy<Value = Window> {
        (0i64..60, 1i64..20).prop_map(|(from, len)| {
            Window::new(Timestamp::from_unix(from), Timestamp::from_unix(from + len)).unwrap()
        })
    }

    fn coverage() -> impl Strategy<Value = Coverage> {
        proptest::collection::vec(window(), 0..8).prop_map(|windows| windows.into_iter().collect())
    }

    fn is_canonical(coverage: &Coverage) -> bool {
        coverage.windows().windows(2).all(|pair| pair[0].to() < pair[1].from())
    }

    proptest! {
        #[test]
        fn inserting_is_set_union(start in coverage(), added in window()) {
            let mut expected = seconds(&start);
            expected.extend(added.from().as_unix()..added.to().as_unix());
            let mut coverage = start;
            coverage.insert(added);
            prop_assert!(is_canonical(&coverage));
            prop_assert_eq!(seconds(&coverage), expected);
        }

        #[test]
        fn merging_is_commutative_associative_and_idempotent(a in coverage(), b in coverage(), c in coverage()) {
            let merged = |x: &Coverage, y: &Coverage| { let mut z = x.clone(); z.merge(y); z };
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &a), a);
        }

        #[test]
        fn gaps_are_exactly_the_due_seconds_that_are_not_covered(coverage in coverage(), due in window()) {
            let due_seconds: BTreeSet<i64> = (due.from().as_unix()..due.to().as_unix()).collect();
            let covered = seconds(&coverage);
            let gaps: Coverage = coverage.gaps(due).into_iter().collect();
            prop_assert_eq!(seconds(&gaps), due_seconds.difference(&covered).copied().collect::<BTreeSet<_>>());
            prop_assert_eq!(coverage.seconds_within(due) as usize, due_seconds.intersection(&covered).count());
            prop_assert_eq!(coverage.covers(due), due_seconds.is_subset(&covered));
        }

        #[test]
        fn pruning_removes_only_what_lies_before_the_floor(coverage in coverage(), floor in 0i64..80) {
            let expected: BTreeSet<i64> = seconds(&coverage).into_iter().filter(|s| *s >= floor).collect();
            let mut pruned = coverage;
            pruned.prune(Timestamp::from_unix(floor));
            prop_assert!(is_canonical(&pruned));
            prop_assert_eq!(seconds(&pruned), expected);
        }

        #[test]
        fn coalescing_extends_a_window_by_less_than_the_grid_on_each_side(w in window(), grid in 1i64..30) {
            let grown = w.coalesced(grid);
            prop_assert!(grown.from() <= w.from() && w.to() <= grown.to());
            prop_assert!(w.from().seconds_since(grown.from()) < grid && grown.to().seconds_since(w.to()) < grid);
            prop_assert_eq!((grown.from().as_unix() % grid, grown.to().as_unix() % grid), (0, 0));
        }
    }
}

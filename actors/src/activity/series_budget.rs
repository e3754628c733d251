//! Which series are exposed when there are more than the limit.

use std::collections::{BTreeMap, BTreeSet};

use super::{RowKey, SeriesRow, Timestamp};

/// Decides which rows are exposed so that their series stay within a limit.
///
/// Users who were seen earlier come first, then the names decide: a row that is exposed stays so
/// when others are added, and every replica chooses alike. The cost of a change is proportional to
/// the rows it moves across the limit.
#[derive(Debug)]
pub(super) struct SeriesBudget {
    limit: usize,
    rows: BTreeMap<RowKey, RowCost>,
    order: BTreeSet<(Timestamp, RowKey)>,
    /// The first row that is hidden; `None` while every row is exposed.
    cutoff: Option<(Timestamp, RowKey)>,
    exposed: usize,
    total: usize,
}

#[derive(Clone, Copy, Debug)]
struct RowCost {
    since: Timestamp,
    series: usize,
}

impl SeriesBudget {
    /// A budget of `limit` series for no rows yet.
    pub(super) fn new(limit: usize) -> Self {
        SeriesBudget {
            limit,
            rows: BTreeMap::new(),
            order: BTreeSet::new(),
            cutoff: None,
            exposed: 0,
            total: 0,
        }
    }

    /// Adds, changes or (with `None`) removes a row. Call [`Self::rebalance`] after all of them.
    pub(super) fn set_row(&mut self, key: &RowKey, row: Option<&SeriesRow>) {
        if let Some(old) = self.rows.remove(key) {
            let place = (old.since, key.clone());
            self.order.remove(&place);
            self.total -= old.series;
            self.exposed -= if self.is_before_cutoff(&place) { old.series } else { 0 };
        }
        if let Some(row) = row {
            let cost = RowCost { since: row.since, series: row.series() };
            let place = (cost.since, key.clone());
            self.total += cost.series;
            self.exposed += if self.is_before_cutoff(&place) { cost.series } else { 0 };
            self.rows.insert(key.clone(), cost);
            self.order.insert(place);
        }
    }

    /// Moves the cutoff so that as much as possible is exposed; returns the rows it passed.
    pub(super) fn rebalance(&mut self) -> Vec<RowKey> {
        let mut passed = Vec::new();
        while self.exposed > self.limit {
            let Some(last) = self.last_exposed() else { break };
            self.exposed -= self.series(&last.1);
            passed.push(last.1.clone());
            self.cutoff = Some(last);
        }
        while let Some(next) = self.first_hidden() {
            let series = self.series(&next.1);
            if self.exposed + series > self.limit {
                self.cutoff = Some(next);
                return passed;
            }
            self.exposed += series;
            let after = self.order.range(next.clone()..).nth(1).cloned();
            passed.push(next.1);
            self.cutoff = after;
        }
        self.cutoff = None;
        passed
    }

    /// Whether a row is exposed, as of the last [`Self::rebalance`].
    pub(super) fn exposes(&self, row: &SeriesRow) -> bool {
        self.is_before_cutoff(&(row.since, row.key()))
    }

    /// The number of series that are not exposed.
    pub(super) fn refused(&self) -> usize {
        self.total - self.exposed
    }

    fn is_before_cutoff(&self, place: &(Timestamp, RowKey)) -> bool {
        self.cutoff.as_ref().is_none_or(|cutoff| place < cutoff)
    }

    fn last_exposed(&self) -> Option<(Timestamp, RowKey)> {
        match &self.cutoff {
            Some(cutoff) => self.order.range(..cutoff.clone()).next_back().cloned(),
            None => self.order.last().cloned(),
        }
    }

    fn first_hidden(&self) -> Option<(Timestamp, RowKey)> {
        self.order.range(self.cutoff.clone()?..).next().cloned()
    }

    fn series(&self, key: &RowKey) -> usize {
        self.rows.get(key).map_or(0, |cost| cost.series)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::{ActivityGauges, FactCounts};

    fn row(name: usize, since: i64, active: bool) -> SeriesRow {
        SeriesRow {
            org: "acme".into(),
            repo: "api".into(),
            user: format!("user-{name:03}").into(),
            since: Timestamp::from_unix(since),
            gauges: ActivityGauges {
                active,
                last_event: Some(Timestamp::from_unix(since)),
                ..ActivityGauges::default()
            },
            totals: Some(FactCounts::default()),
        }
    }

    /// The rows to expose, straight from the rule.
    fn expected(rows: &BTreeMap<usize, SeriesRow>, limit: usize) -> Vec<RowKey> {
        let mut rows: Vec<&SeriesRow> = rows.values().collect();
        rows.sort_by_key(|row| (row.since, row.key()));
        let mut left = limit;
        let fits = |row: &&&SeriesRow| {
            let fits = row.series() <= left;
            left = left.saturating_sub(row.series());
            fits
        };
        let mut keys: Vec<RowKey> = rows.iter().take_while(fits).map(|row| row.key()).collect();
        keys.sort();
        keys
    }

    proptest! {
        #[test]
        fn the_earliest_rows_are_exposed_after_any_change(
            steps in proptest::collection::vec(
                proptest::collection::vec((0usize..40, proptest::option::weighted(0.8, (0i64..50, any::<bool>()))), 0..12),
                1..12,
            ),
            limit in 0usize..300,
        ) {
            let (mut budget, mut rows) = (SeriesBudget::new(limit), BTreeMap::new());
            let mut exposed: BTreeSet<RowKey> = BTreeSet::new();
            for step in steps {
                let mut changed = BTreeSet::new();
                for (name, change) in step {
                    let new = change.map(|(since, active)| row(name, since, active));
                    let key = row(name, 0, true).key();
                    budget.set_row(&key, new.as_ref());
                    match new {
                        Some(new) => { rows.insert(name, new); }
                        None => { rows.remove(&name); }
                    }
                    changed.insert(key);
                }
                changed.extend(budget.rebalance());
                // Only rows that changed or were passed are checked again.
                for row in rows.values().filter(|row| changed.contains(&row.key()) && budget.exposes(row)) {
                    exposed.insert(row.key());
                }
                let keys: BTreeMap<RowKey, &SeriesRow> = rows.values().map(|row| (row.key(), row)).collect();
                exposed.retain(|key| !changed.contains(key) || keys.get(key).is_some_and(|row| budget.exposes(row)));
                prop_assert_eq!(exposed.iter().cloned().collect::<Vec<_>>(), expected(&rows, limit));
                let series: usize = rows.values().map(SeriesRow::series).sum();
                let visible: usize = exposed.iter().map(|key| keys[key].series()).sum();
                prop_assert_eq!(budget.refused(), series - visible);
            }
        }
    }
}

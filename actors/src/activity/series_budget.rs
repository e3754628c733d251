//! How many series are shown at most, and which.

use std::collections::{BTreeMap, BTreeSet};

use super::{RowKey, SeriesRow, Timestamp};

/// Decides which rows are shown so that their series stay within a limit.
///
/// Whoever was seen earlier comes first, and where that is equal the names decide, so that what is shown goes on being shown
/// when others come, and every replica chooses alike. A change costs what it moves across the limit, not what there is.
#[derive(Debug)]
pub(super) struct SeriesBudget {
    limit: usize,
    rows: BTreeMap<RowKey, Share>,
    order: BTreeSet<(Timestamp, RowKey)>,
    /// Everything from here on is hidden; `None` while everything is shown.
    cut: Option<(Timestamp, RowKey)>,
    shown: usize,
    total: usize,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    since: Timestamp,
    series: usize,
}

impl SeriesBudget {
    /// A budget of `limit` series for no rows yet.
    pub(super) fn new(limit: usize) -> Self {
        SeriesBudget { limit, rows: BTreeMap::new(), order: BTreeSet::new(), cut: None, shown: 0, total: 0 }
    }

    /// Notes what became of a row; `None` when it is gone. Call [`Self::settle`] after all of them.
    pub(super) fn note(&mut self, key: &RowKey, row: Option<&SeriesRow>) {
        if let Some(old) = self.rows.remove(key) {
            let place = (old.since, key.clone());
            self.order.remove(&place);
            self.total -= old.series;
            self.shown -= if self.is_before_cut(&place) { old.series } else { 0 };
        }
        if let Some(row) = row {
            let share = Share { since: row.since, series: row.series() };
            let place = (share.since, key.clone());
            self.total += share.series;
            self.shown += if self.is_before_cut(&place) { share.series } else { 0 };
            self.rows.insert(key.clone(), share);
            self.order.insert(place);
        }
    }

    /// Moves the cut to where as much as possible is shown; the rows it passed.
    pub(super) fn settle(&mut self) -> Vec<RowKey> {
        let mut passed = Vec::new();
        while self.shown > self.limit {
            let Some(last) = self.last_shown() else { break };
            self.shown -= self.series(&last.1);
            passed.push(last.1.clone());
            self.cut = Some(last);
        }
        while let Some(next) = self.first_hidden() {
            let series = self.series(&next.1);
            if self.shown + series > self.limit {
                self.cut = Some(next);
                return passed;
            }
            self.shown += series;
            let after = self.order.range(next.clone()..).nth(1).cloned();
            passed.push(next.1);
            self.cut = after;
        }
        self.cut = None;
        passed
    }

    /// Whether a row is shown, as last settled.
    pub(super) fn shows(&self, row: &SeriesRow) -> bool {
        self.is_before_cut(&(row.since, row.key()))
    }

    /// How many series are not shown.
    pub(super) fn refused(&self) -> usize {
        self.total - self.shown
    }

    fn is_before_cut(&self, place: &(Timestamp, RowKey)) -> bool {
        self.cut.as_ref().is_none_or(|cut| place < cut)
    }

    fn last_shown(&self) -> Option<(Timestamp, RowKey)> {
        match &self.cut {
            Some(cut) => self.order.range(..cut.clone()).next_back().cloned(),
            None => self.order.last().cloned(),
        }
    }

    fn first_hidden(&self) -> Option<(Timestamp, RowKey)> {
        self.order.range(self.cut.clone()?..).next().cloned()
    }

    fn series(&self, key: &RowKey) -> usize {
        self.rows.get(key).map_or(0, |share| share.series)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::{FactCounts, Gauges};

    fn row(name: usize, since: i64, active: bool) -> SeriesRow {
        SeriesRow {
            org: "acme".into(),
            repo: "api".into(),
            user: format!("user-{name:03}").into(),
            since: Timestamp::from_unix(since),
            gauges: Gauges { active, last_event: Some(Timestamp::from_unix(since)), ..Gauges::default() },
            totals: Some(FactCounts::default()),
        }
    }

    /// What is to be shown, straight from the rule.
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
        fn the_earliest_are_shown_whatever_changes(
            steps in proptest::collection::vec(
                proptest::collection::vec((0usize..40, proptest::option::weighted(0.8, (0i64..50, any::<bool>()))), 0..12),
                1..12,
            ),
            limit in 0usize..300,
        ) {
            let (mut budget, mut rows) = (SeriesBudget::new(limit), BTreeMap::new());
            let mut shown: BTreeSet<RowKey> = BTreeSet::new();
            for step in steps {
                let mut changed = BTreeSet::new();
                for (name, change) in step {
                    let new = change.map(|(since, active)| row(name, since, active));
                    let key = row(name, 0, true).key();
                    budget.note(&key, new.as_ref());
                    match new {
                        Some(new) => { rows.insert(name, new); }
                        None => { rows.remove(&name); }
                    }
                    changed.insert(key);
                }
                changed.extend(budget.settle());
                // Only what changed or was passed is looked at again.
                for row in rows.values().filter(|row| changed.contains(&row.key()) && budget.shows(row)) {
                    shown.insert(row.key());
                }
                let keys: BTreeMap<RowKey, &SeriesRow> = rows.values().map(|row| (row.key(), row)).collect();
                shown.retain(|key| !changed.contains(key) || keys.get(key).is_some_and(|row| budget.shows(row)));
                prop_assert_eq!(shown.iter().cloned().collect::<Vec<_>>(), expected(&rows, limit));
                let series: usize = rows.values().map(SeriesRow::series).sum();
                let visible: usize = shown.iter().map(|key| keys[key].series()).sum();
                prop_assert_eq!(budget.refused(), series - visible);
            }
        }
    }
}

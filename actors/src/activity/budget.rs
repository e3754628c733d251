//! How many series are shown at most, and which.

use super::SeriesRow;

/// Takes away the rows that do not fit into `budget` series; how many series they had.
///
/// Whoever was seen earlier comes first, and where that is equal the names decide, so that what is shown goes on being
/// shown when others come, and every replica chooses alike. The rows that stay keep their order.
pub fn keep_within(rows: &mut Vec<SeriesRow>, budget: usize) -> usize {
    let total: usize = rows.iter().map(SeriesRow::series).sum();
    if total <= budget {
        return 0;
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // The rows are sorted by name already and the sort is stable.
    order.sort_by_key(|index| rows[*index].since);
    let mut kept = vec![false; rows.len()];
    let mut shown = 0;
    for index in order {
        shown += rows[index].series();
        if shown > budget {
            shown -= rows[index].series();
            break;
        }
        kept[index] = true;
    }
    let mut fate = kept.into_iter();
    rows.retain(|_| fate.next().unwrap_or(false));
    total - shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::{Gauges, Timestamp, Totals};

    fn row(name: usize, since: i64, active: bool) -> SeriesRow {
        SeriesRow {
            org: "acme".into(),
            repo: "api".into(),
            user: format!("user-{name:03}").into(),
            since: Timestamp::from_unix(since),
            gauges: Gauges { active, last_event: Some(Timestamp::from_unix(since)), ..Gauges::default() },
            totals: Some(Totals::default()),
        }
    }

    proptest! {
        #[test]
        fn the_earliest_are_shown_and_go_on_when_others_come(
            rows in proptest::collection::vec((0i64..50, any::<bool>()), 1..40), newer in 0usize..10, budget in 0usize..400,
        ) {
            let rows: Vec<SeriesRow> = rows.iter().enumerate().map(|(n, (since, active))| row(n, *since, *active)).collect();
            let mut shown = rows.clone();
            let refused = keep_within(&mut shown, budget);
            let series = |rows: &[SeriesRow]| rows.iter().map(SeriesRow::series).sum::<usize>();
            prop_assert!(series(&shown) <= budget);
            prop_assert_eq!(series(&shown) + refused, series(&rows));
            let latest = shown.iter().map(|row| row.since).max();
            for hidden in rows.iter().filter(|row| !shown.contains(row)) {
                prop_assert!(Some(hidden.since) >= latest);
            }
            let mut more = rows;
            more.extend((0..newer).map(|n| row(100 + n, 50, true)));
            keep_within(&mut more, budget);
            for row in &shown {
                prop_assert!(more.contains(row), "what was shown went because others came");
            }
        }
    }
}

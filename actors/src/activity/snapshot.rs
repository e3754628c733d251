//! All series at one instant, in blocks that later snapshots share as long as their rows do not
//! change.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{ActivityGauges, FactCounts, FactKind, Login, OrgName, RepoName, Timestamp};

/// Rows of a new block: few enough that scattered changes affect few blocks, enough that what
/// readers derive from a block is worth caching.
const NEW_BLOCK_ROWS: usize = 192;
/// A block of more rows is split.
const MAX_BLOCK_ROWS: usize = 256;
/// A block that changed is joined with the one before it if both together have no more rows than
/// this.
const JOIN_ROWS: usize = 96;

/// The values of one user in one repository name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeriesRow {
    pub org: OrgName,
    /// The repository's current name.
    pub repo: RepoName,
    pub user: Login,
    /// When the user was first seen there; [`Timestamp::MIN`] once garbage collection has folded a
    /// record.
    pub since: Timestamp,
    pub gauges: ActivityGauges,
    /// The counters; `None` when no record credited to the user lies within retention.
    pub totals: Option<FactCounts>,
}

/// The key of a row; rows are in ascending order of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub org: OrgName,
    /// The repository's current name.
    pub repo: RepoName,
    pub user: Login,
}

/// Sorted rows, at least one.
pub type SeriesBlock = Arc<[SeriesRow]>;

/// All series at one instant, sorted by organisation, repository and user; no two rows share all
/// three.
///
/// A block that is the same allocation as one of an earlier snapshot holds the same rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeriesSnapshot {
    /// The instant for which the gauges hold.
    pub at: Timestamp,
    pub blocks: Vec<SeriesBlock>,
    /// Whether counters must be omitted, because they lack what other replicas count.
    pub counters_hidden: bool,
}

/// The blocks of the latest snapshot, from which the next is made.
#[derive(Debug, Default)]
pub(super) struct SeriesBlocks(Vec<SeriesBlock>);

// === impl SeriesRow ===

impl SeriesRow {
    /// The number of its series.
    pub fn series(&self) -> usize {
        let gauges = &self.gauges;
        let loc = [gauges.added_weekly, gauges.removed_weekly].into_iter();
        let values = FactKind::ALL.into_iter().map(|kind| gauges.day.get(kind)).chain(loc);
        values.filter(|value| gauges.active || *value != 0).count()
            + usize::from(gauges.last_event.is_some())
            + self.totals.map_or(0, |_| FactKind::ALL.len())
    }

    /// Its key.
    pub fn key(&self) -> RowKey {
        RowKey { org: self.org.clone(), repo: self.repo.clone(), user: self.user.clone() }
    }

    fn names(&self) -> (&OrgName, &RepoName, &Login) {
        (&self.org, &self.repo, &self.user)
    }
}

impl RowKey {
    fn names(&self) -> (&OrgName, &RepoName, &Login) {
        (&self.org, &self.repo, &self.user)
    }
}

// === impl SeriesSnapshot ===

impl SeriesSnapshot {
    /// A snapshot of these rows, in any order; of rows with the same key the last one counts.
    pub fn of(at: Timestamp, rows: impl IntoIterator<Item = SeriesRow>) -> Self {
        let mut blocks = SeriesBlocks::default();
        let rows: BTreeMap<RowKey, SeriesRow> = rows.into_iter().map(|row| (row.key(), row)).collect();
        blocks.update(rows.into_iter().map(|(key, row)| (key, Some(row))));
        SeriesSnapshot { at, blocks: blocks.0, counters_hidden: false }
    }

    /// All rows in ascending order.
    pub fn rows(&self) -> impl Iterator<Item = &SeriesRow> {
        self.blocks.iter().flat_map(|block| block.iter())
    }
}

// === impl SeriesBlocks ===

impl SeriesBlocks {
    /// The current blocks.
    pub(super) fn shared(&self) -> Vec<SeriesBlock> {
        self.0.clone()
    }

    /// Inserts, replaces or removes rows; keys must ascend. Blocks in which nothing changes stay
    /// the same allocation.
    pub(super) fn update(&mut self, changes: impl Iterator<Item = (RowKey, Option<SeriesRow>)>) {
        let mut old = std::mem::take(&mut self.0).into_iter().peekable();
        if old.peek().is_none() {
            return self.fill(changes.filter_map(|(_, row)| row), NEW_BLOCK_ROWS);
        }
        let mut changes = changes.peekable();
        self.0.reserve(old.len() + 1);
        while let Some(block) = old.next() {
            let due: Vec<(RowKey, Option<SeriesRow>)> = match old.peek() {
                // Everything before the next block belongs to this one.
                Some(next) => {
                    std::iter::from_fn(|| changes.next_if(|(key, _)| key.names() < next[0].names())).collect()
                }
                None => changes.by_ref().collect(),
            };
            if due.is_empty() {
                self.0.push(block);
                continue;
            }
            let rows = merged(&block, due);
            if *rows == *block { self.0.push(block) } else { self.append(rows) }
        }
    }

    fn append(&mut self, mut rows: Vec<SeriesRow>) {
        if let Some(last) = self.0.pop_if(|last| !rows.is_empty() && last.len() + rows.len() <= JOIN_ROWS) {
            rows.splice(0..0, last.iter().cloned());
        }
        if rows.len() <= MAX_BLOCK_ROWS {
            self.0.extend((!rows.is_empty()).then(|| SeriesBlock::from(rows)));
            return;
        }
        let size = rows.len().div_ceil(rows.len().div_ceil(NEW_BLOCK_ROWS));
        self.fill(rows.into_iter(), size);
    }

    /// Adds blocks of `size` rows. Rows are moved one block at a time, so that at most one is in
    /// memory twice.
    fn fill(&mut self, rows: impl Iterator<Item = SeriesRow>, size: usize) {
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            self.0.push(rows.by_ref().take(size).collect());
        }
    }
}

/// The rows of a block after these changes; both are in ascending order.
fn merged(block: &[SeriesRow], changes: Vec<(RowKey, Option<SeriesRow>)>) -> Vec<SeriesRow> {
    let mut rows = Vec::with_capacity(block.len() + changes.len());
    let mut old = block.iter().peekable();
    for (key, row) in changes {
        while let Some(kept) = old.next_if(|row| row.names() < key.names()) {
            rows.push(kept.clone());
        }
        old.next_if(|row| row.names() == key.names());
        rows.extend(row);
    }
    rows.extend(old.cloned());
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(number: usize, value: u64) -> SeriesRow {
        SeriesRow {
            org: "acme".into(),
            repo: format!("repo-{}", number / 100).into(),
            user: format!("user-{:02}", number % 100).into(),
            since: Timestamp::from_unix(0),
            gauges: ActivityGauges { added_weekly: value, ..ActivityGauges::default() },
            totals: None,
        }
    }

    fn update(blocks: &mut SeriesBlocks, changes: &BTreeMap<usize, Option<u64>>) {
        let change =
            |(number, value): (&usize, &Option<u64>)| (row(*number, 0).key(), value.map(|v| row(*number, v)));
        blocks.update(changes.iter().map(change));
    }

    fn changes(most: usize) -> impl Strategy<Value = BTreeMap<usize, Option<u64>>> {
        proptest::collection::btree_map(0usize..1_000, proptest::option::weighted(0.6, 0u64..3), 0..most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_are_equivalent_to_a_map(first in changes(900), more in proptest::collection::vec(changes(60), 0..8)) {
            let (mut blocks, mut model) = (SeriesBlocks::default(), BTreeMap::new());
            for step in std::iter::once(first).chain(more) {
                let before = blocks.shared();
                update(&mut blocks, &step);
                model.extend(step.iter().map(|(number, value)| (row(*number, 0).key(), value.map(|v| row(*number, v)))));
                let rows: Vec<SeriesRow> = blocks.0.iter().flat_map(|block| block.to_vec()).collect();
                prop_assert_eq!(rows, model.values().flatten().cloned().collect::<Vec<_>>());
                prop_assert!(blocks.0.iter().all(|block| (1..=MAX_BLOCK_ROWS).contains(&block.len())));
                // Each change affects the block it falls into, which may be joined with the one
                // before it.
                let kept = before.iter().filter(|old| blocks.0.iter().any(|new| Arc::ptr_eq(old, new))).count();
                prop_assert!(kept + 2 * step.len() >= before.len());
            }
        }
    }

    #[test]
    fn an_unchanged_row_keeps_its_block() {
        let mut blocks = SeriesBlocks::default();
        update(&mut blocks, &(0..1_000).map(|n| (n, Some(1))).collect());
        let before = blocks.shared();
        update(&mut blocks, &BTreeMap::from([(17, Some(1)), (4_000, None)]));
        assert!(before.iter().zip(&blocks.0).all(|(old, new)| Arc::ptr_eq(old, new)));
        update(&mut blocks, &BTreeMap::from([(17, Some(2))]));
        let same = before.iter().filter(|old| blocks.0.iter().any(|new| Arc::ptr_eq(old, new))).count();
        assert_eq!(same, before.len() - 1);
    }

    #[test]
    fn removed_rows_free_their_blocks() {
        let mut blocks = SeriesBlocks::default();
        update(&mut blocks, &(0..1_000).map(|n| (n, Some(1))).collect());
        update(&mut blocks, &(0..1_000).filter(|n| n % 50 != 0).map(|n| (n, None)).collect());
        assert_eq!((blocks.0.len(), blocks.0[0].len()), (1, 20));
        update(&mut blocks, &(0..1_000).map(|n| (n, None)).collect());
        assert!(blocks.0.is_empty());
    }
}

//! All series at one instant, in blocks that later snapshots share as long as nothing in them changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{FactCounts, FactKind, Gauges, Login, OrgName, RepoName, Timestamp};

/// Rows of a new block. Few enough that a change here and there leaves most blocks alone, enough that what readers make of
/// one is worth keeping.
const FILLED: usize = 192;
/// A block of more rows is split.
const FULL: usize = 256;
/// A block that changed joins the one before it if both together have no more rows.
const SPARSE: usize = 96;

/// One user in one repository (by name): what the exposition shows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeriesRow {
    /// The organisation.
    pub org: OrgName,
    /// The repository's current name.
    pub repo: RepoName,
    /// Who.
    pub user: Login,
    /// When the user was first seen there; the beginning of time once garbage collection has folded a record.
    pub since: Timestamp,
    /// The gauges.
    pub gauges: Gauges,
    /// The counters; `None` when no record credited to the user lies within retention.
    pub totals: Option<FactCounts>,
}

/// What a row goes by, in the order of rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The organisation.
    pub org: OrgName,
    /// The repository's current name.
    pub repo: RepoName,
    /// Who.
    pub user: Login,
}

/// Sorted rows, never none.
pub type SeriesBlock = Arc<[SeriesRow]>;

/// All series at one instant, sorted by organisation, repository and user; no two rows share all three.
///
/// A block that is the same allocation as one of an earlier snapshot holds the same rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeriesSnapshot {
    /// The instant the gauges are true for.
    pub at: Timestamp,
    /// The rows.
    pub blocks: Vec<SeriesBlock>,
    /// Whether counters are left out, because what others count meanwhile is not in them.
    pub counters_hidden: bool,
}

/// The blocks of the latest snapshot, from which the next is made.
#[derive(Debug, Default)]
pub(super) struct SeriesBlocks(Vec<SeriesBlock>);

// === impl SeriesRow ===

impl SeriesRow {
    /// How many series it has.
    pub fn series(&self) -> usize {
        let gauges = &self.gauges;
        let lines = [gauges.added_weekly, gauges.removed_weekly].into_iter();
        let values = FactKind::ALL.into_iter().map(|kind| gauges.day.get(kind)).chain(lines);
        values.filter(|value| gauges.active || *value != 0).count()
            + usize::from(gauges.last_event.is_some())
            + self.totals.map_or(0, |_| FactKind::ALL.len())
    }

    /// What it goes by.
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
    /// A snapshot of these rows, in any order; of rows that share all three names the last stays.
    pub fn of(at: Timestamp, rows: impl IntoIterator<Item = SeriesRow>) -> Self {
        let mut blocks = SeriesBlocks::default();
        let rows: BTreeMap<RowKey, SeriesRow> = rows.into_iter().map(|row| (row.key(), row)).collect();
        blocks.update(rows.into_iter().map(|(key, row)| (key, Some(row))));
        SeriesSnapshot { at, blocks: blocks.0, counters_hidden: false }
    }

    /// All rows in their order.
    pub fn rows(&self) -> impl Iterator<Item = &SeriesRow> {
        self.blocks.iter().flat_map(|block| block.iter())
    }
}

// === impl Blocks ===

impl SeriesBlocks {
    /// The blocks as they are.
    pub(super) fn shared(&self) -> Vec<SeriesBlock> {
        self.0.clone()
    }

    /// Puts each row where it belongs, in the place of the one of the same names, or takes that away; names ascend. Blocks in
    /// which nothing changes stay the same allocation.
    pub(super) fn update(&mut self, changes: impl Iterator<Item = (RowKey, Option<SeriesRow>)>) {
        let mut old = std::mem::take(&mut self.0).into_iter().peekable();
        if old.peek().is_none() {
            return self.fill(changes.filter_map(|(_, row)| row), FILLED);
        }
        let mut changes = changes.peekable();
        self.0.reserve(old.len() + 1);
        while let Some(block) = old.next() {
            let due: Vec<(RowKey, Option<SeriesRow>)> = match old.peek() {
                // What comes before the next block belongs to this one.
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
        if let Some(last) = self.0.pop_if(|last| !rows.is_empty() && last.len() + rows.len() <= SPARSE) {
            rows.splice(0..0, last.iter().cloned());
        }
        if rows.len() <= FULL {
            self.0.extend((!rows.is_empty()).then(|| SeriesBlock::from(rows)));
            return;
        }
        let size = rows.len().div_ceil(rows.len().div_ceil(FILLED));
        self.fill(rows.into_iter(), size);
    }

    /// Adds blocks of `size` rows, one after the other, so that no more than one is held twice.
    fn fill(&mut self, rows: impl Iterator<Item = SeriesRow>, size: usize) {
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            self.0.push(rows.by_ref().take(size).collect());
        }
    }
}

/// The rows of a block after these changes, both in their order.
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
            gauges: Gauges { added_weekly: value, ..Gauges::default() },
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
        fn blocks_hold_what_a_map_would(first in changes(900), more in proptest::collection::vec(changes(60), 0..8)) {
            let (mut blocks, mut model) = (SeriesBlocks::default(), BTreeMap::new());
            for step in std::iter::once(first).chain(more) {
                let before = blocks.shared();
                update(&mut blocks, &step);
                model.extend(step.iter().map(|(number, value)| (row(*number, 0).key(), value.map(|v| row(*number, v)))));
                let rows: Vec<SeriesRow> = blocks.0.iter().flat_map(|block| block.to_vec()).collect();
                prop_assert_eq!(rows, model.values().flatten().cloned().collect::<Vec<_>>());
                prop_assert!(blocks.0.iter().all(|block| (1..=FULL).contains(&block.len())));
                // Each change touches the block it falls into, and the one before it may take in what is left.
                let kept = before.iter().filter(|old| blocks.0.iter().any(|new| Arc::ptr_eq(old, new))).count();
                prop_assert!(kept + 2 * step.len() >= before.len());
            }
        }
    }

    #[test]
    fn a_row_that_stays_the_same_leaves_its_block_alone() {
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
    fn rows_that_go_free_their_blocks() {
        let mut blocks = SeriesBlocks::default();
        update(&mut blocks, &(0..1_000).map(|n| (n, Some(1))).collect());
        update(&mut blocks, &(0..1_000).filter(|n| n % 50 != 0).map(|n| (n, None)).collect());
        assert_eq!((blocks.0.len(), blocks.0[0].len()), (1, 20));
        update(&mut blocks, &(0..1_000).map(|n| (n, None)).collect());
        assert!(blocks.0.is_empty());
    }
}

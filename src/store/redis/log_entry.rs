//! The entries of an organisation's log, and which records they say have changed.

use std::collections::{BTreeMap, BTreeSet};

use github_stats_actors::activity::{FactId, Record, RepoId};
use github_stats_actors::store::OrgLogPosition;

use super::version::RepoVersion;
use crate::store::fact_bytes;

/// The encoded form of [`ChangedRecords::All`].
pub(super) const ALL_RECORDS: &[u8] = &[0xFF];
/// Maximum number of changed records that an entry lists; larger changes are logged as
/// [`ALL_RECORDS`].
const MAX_LISTED: usize = 500;

/// Encodes which records have changed.
pub(super) fn encode_changed(changed: &[(FactId, Record)]) -> Vec<u8> {
    if changed.len() > MAX_LISTED {
        return ALL_RECORDS.to_vec();
    }
    let mut bytes = Vec::with_capacity(changed.len() * 21);
    changed.iter().for_each(|(id, _)| fact_bytes::push(&mut bytes, *id));
    bytes
}

/// Which records of a repository have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangedRecords {
    Listed(BTreeSet<FactId>),
    /// Any record may have changed.
    All,
}

impl ChangedRecords {
    fn decode(mut bytes: &[u8]) -> Option<Self> {
        if bytes == ALL_RECORDS {
            return Some(ChangedRecords::All);
        }
        let mut ids = BTreeSet::new();
        while !bytes.is_empty() {
            let (id, rest) = fact_bytes::split_first(bytes)?;
            ids.insert(id);
            bytes = rest;
        }
        Some(ChangedRecords::Listed(ids))
    }

    /// Adds the changes of a later entry.
    pub(super) fn join(&mut self, later: ChangedRecords) {
        match (&mut *self, later) {
            (ChangedRecords::Listed(ids), ChangedRecords::Listed(later)) => ids.extend(later),
            (ids, _) => *ids = ChangedRecords::All,
        }
    }
}

/// An entry of the log of an organisation.
#[derive(Debug)]
pub(super) struct LogEntry {
    pub(super) position: OrgLogPosition,
    pub(super) repository: RepoId,
    pub(super) changed: ChangedRecords,
}

impl LogEntry {
    /// Parses the id and the fields of a stream entry; `None` if they are not as `apply.lua` writes
    /// them.
    pub(super) fn parse(id: &str, mut fields: BTreeMap<String, Vec<u8>>) -> Option<Self> {
        let sequence = id.strip_suffix("-0")?.parse().ok()?;
        let version = RepoVersion::parse(fields.get("v")?)?;
        let repository = RepoId::from(String::from_utf8(fields.remove("r")?).ok()?);
        let changed = ChangedRecords::decode(fields.get("f")?)?;
        Some(LogEntry { position: OrgLogPosition { log: version.0, sequence }, repository, changed })
    }
}

/// The entries after a position. `None` unless the first entry is the one at the position and the
/// others follow it without gaps.
pub(super) fn entries_after(
    entries: Vec<LogEntry>,
    position: Option<OrgLogPosition>,
) -> Option<Vec<LogEntry>> {
    let mut entries = entries.into_iter();
    if let Some(position) = position
        && entries.next()?.position != position
    {
        return None;
    }
    let first = position.map_or(0, |position| position.sequence) + 1;
    let entries: Vec<LogEntry> = entries.collect();
    let contiguous = (first..).zip(&entries).all(|(sequence, entry)| entry.position.sequence == sequence);
    contiguous.then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, log: u64) -> LogEntry {
        let changed = ChangedRecords::Listed(BTreeSet::new());
        LogEntry { position: OrgLogPosition { log, sequence }, repository: "R_1".into(), changed }
    }

    fn log(entries: &[(u64, u64)]) -> Vec<LogEntry> {
        entries.iter().map(|(sequence, log)| entry(*sequence, *log)).collect()
    }

    #[test]
    fn entries_are_accepted_only_if_they_follow_the_position_without_gaps() {
        let since = Some(OrgLogPosition { log: 70, sequence: 7 });
        let read = |entries: &[(u64, u64)]| {
            entries_after(log(entries), since)
                .map(|e| e.iter().map(|e| e.position.sequence).collect::<Vec<_>>())
        };
        assert_eq!(read(&[(7, 70), (8, 80), (9, 90)]), Some(vec![8, 9]));
        assert_eq!(read(&[(7, 71), (8, 80)]), None, "another log");
        assert_eq!(read(&[(8, 80), (9, 90)]), None, "trimmed");
        assert_eq!(read(&[(7, 70), (9, 90)]), None, "a gap");
        assert_eq!(read(&[]), None, "emptied");
        assert!(entries_after(log(&[(1, 10)]), None).is_some());
        assert!(entries_after(log(&[(2, 10)]), None).is_none());
    }

    #[test]
    fn changed_records_are_decoded_as_they_were_encoded() {
        let ids = [FactId::Review(1), FactId::PrMerged(u64::MAX)];
        let mut bytes = Vec::new();
        ids.iter().for_each(|id| fact_bytes::push(&mut bytes, *id));
        assert_eq!(ChangedRecords::decode(&bytes), Some(ChangedRecords::Listed(ids.into_iter().collect())));
        assert_eq!(ChangedRecords::decode(ALL_RECORDS), Some(ChangedRecords::All));
        assert_eq!(ChangedRecords::decode(&[9, 9]), None);
    }
}

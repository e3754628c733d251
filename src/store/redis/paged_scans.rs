//! Scans between two pages.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use github_stats_actors::activity::RepoKey;
use github_stats_actors::store::{ScanCursor, StoredRecord};
use tokio::time::Instant;

/// Maximum number of unfinished scans to keep, and for how long.
const SCANS: usize = 4;
const SCAN_LIFE: Duration = Duration::from_secs(120);

/// A scan between two pages.
pub(super) struct PagedScan {
    pub(super) ready: VecDeque<StoredRecord>,
    pub(super) unread: VecDeque<RepoKey>,
    pub(super) last_used: Instant,
}

/// Unfinished scans.
#[derive(Default)]
pub(super) struct PagedScans(Mutex<Vec<PagedScan>>);

impl PagedScans {
    /// The scan whose next record is `from`.
    pub(super) fn take(&self, from: &ScanCursor) -> Option<PagedScan> {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|scan| scan.last_used.elapsed() < SCAN_LIFE);
        let continues = |scan: &PagedScan| {
            scan.ready.front().is_some_and(|record| (&record.key, &record.id) == (&from.0, &from.1))
        };
        let index = scans.iter().position(continues)?;
        Some(scans.remove(index))
    }

    pub(super) fn keep(&self, scan: PagedScan) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if scans.len() >= SCANS {
            scans.remove(0);
        }
        scans.push(scan);
    }
}

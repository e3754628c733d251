//! Going through all records in order, page by page.
//!
//! A hash has no order, so repositories are read whole and sorted here; what a page leaves over is kept for the next one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use github_stats_actors::activity::RepoKey;
use github_stats_actors::store::{RecordPage, ScanCursor, StoreError, StoredRecord};
use redis::Pipeline;
use tokio::time::Instant;

use super::reply::{next, parsed, record};
use super::store::RedisStore;
use crate::redis::RedisCall;

/// Records read ahead at least.
const AHEAD: usize = 5_000;
/// Repositories asked for their size at a time.
const REPOSITORIES: usize = 256;
/// How many unfinished scans are remembered, and how long.
const SCANS: usize = 4;
const SCAN_LIFE: Duration = Duration::from_secs(120);

/// A scan between two pages.
pub(super) struct PagedScan {
    ready: VecDeque<StoredRecord>,
    rest: VecDeque<RepoKey>,
    begun_again: Instant,
}

/// Unfinished scans.
#[derive(Default)]
pub(super) struct PagedScans(Mutex<Vec<PagedScan>>);

impl PagedScans {
    /// The scan that goes on at `from`.
    fn take(&self, from: &ScanCursor) -> Option<PagedScan> {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|scan| scan.begun_again.elapsed() < SCAN_LIFE);
        let goes_on = |scan: &PagedScan| {
            scan.ready.front().is_some_and(|record| (&record.key, &record.id) == (&from.0, &from.1))
        };
        let found = scans.iter().position(goes_on)?;
        Some(scans.remove(found))
    }

    fn keep(&self, scan: PagedScan) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if scans.len() >= SCANS {
            scans.remove(0);
        }
        scans.push(scan);
    }
}

impl RedisStore {
    pub(super) async fn page(
        &self,
        from: Option<ScanCursor>,
        limit: usize,
    ) -> Result<RecordPage, StoreError> {
        let mut scan = match from.as_ref().and_then(|from| self.scans.take(from)) {
            Some(scan) => scan,
            None => self.begin_scan(from).await?,
        };
        while scan.ready.len() <= limit && !scan.rest.is_empty() {
            self.read_ahead(&mut scan).await?;
        }
        let records = scan.ready.drain(..limit.min(scan.ready.len())).collect();
        let next = scan.ready.front().map(|record| (record.key.clone(), record.id));
        if next.is_some() {
            self.scans.keep(PagedScan { begun_again: Instant::now(), ..scan });
        }
        Ok(RecordPage { records, next })
    }

    async fn begin_scan(&self, from: Option<ScanCursor>) -> Result<PagedScan, StoreError> {
        let mut rest = VecDeque::new();
        for org in self.all_organisations().await? {
            if from.as_ref().is_some_and(|(key, _)| org < key.org) {
                continue;
            }
            let keys = self.repository_ids(&org).await?;
            rest.extend(keys.into_iter().filter(|key| from.as_ref().is_none_or(|(first, _)| key >= first)));
        }
        let mut scan = PagedScan { ready: VecDeque::new(), rest, begun_again: Instant::now() };
        if let Some((key, id)) = from
            && scan.rest.front() == Some(&key)
        {
            let first = scan.rest.pop_front().into_iter().collect();
            self.read(&mut scan, first).await?;
            scan.ready.retain(|record| record.id >= id);
        }
        Ok(scan)
    }

    /// Reads the next repositories: as many as have the records of a page, but at least one.
    async fn read_ahead(&self, scan: &mut PagedScan) -> Result<(), StoreError> {
        let Some(org) = scan.rest.front().map(|key| key.org.clone()) else { return Ok(()) };
        let mut candidates: Vec<RepoKey> =
            scan.rest.iter().take_while(|key| key.org == org).take(REPOSITORIES).cloned().collect();
        let of = self.keys.of(&org);
        let mut pipeline = Pipeline::with_capacity(candidates.len());
        candidates.iter().for_each(|key| {
            pipeline.cmd("HLEN").arg(of.facts(&key.id));
        });
        let mut sizes =
            self.bulk.pipeline(RedisCall::quick("scan").repeatable(), &pipeline).await?.into_iter();
        let (mut total, mut count) = (0, 0);
        while count < candidates.len() && (count == 0 || total < AHEAD) {
            total += parsed::<usize>(next(&mut sizes)?)?;
            count += 1;
        }
        candidates.truncate(count);
        scan.rest.drain(..count);
        self.read(scan, candidates).await
    }

    async fn read(&self, scan: &mut PagedScan, keys: Vec<RepoKey>) -> Result<(), StoreError> {
        for (key, facts) in self.facts_of_all(&keys).await? {
            scan.ready.reserve(facts.len());
            for (id, bytes) in facts {
                let record = record(&key, id, &bytes)?;
                scan.ready.push_back(StoredRecord { key: key.clone(), id, record });
            }
        }
        Ok(())
    }
}

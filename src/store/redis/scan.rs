//! Scanning all records in order, page by page.
//!
//! A hash has no order, so whole repositories are read and sorted here; the records that do not fit
//! a page are kept for the next one.

use std::collections::VecDeque;

use github_stats_actors::activity::RepoKey;
use github_stats_actors::store::{RecordPage, ScanCursor, StoreError, StoredRecord};
use redis::Pipeline;
use tokio::time::Instant;

use super::paged_scans::PagedScan;
use super::reply::{next, parse, record};
use super::store::RedisStore;
use crate::redis::RedisCall;

/// Minimum number of records to read ahead.
const READ_AHEAD: usize = 5_000;
/// Number of repositories whose sizes are queried in one pipeline.
const SIZE_QUERIES: usize = 256;

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
        while scan.ready.len() <= limit && !scan.unread.is_empty() {
            self.read_ahead(&mut scan).await?;
        }
        let records = scan.ready.drain(..limit.min(scan.ready.len())).collect();
        let next = scan.ready.front().map(|record| (record.key.clone(), record.id));
        if next.is_some() {
            self.scans.keep(PagedScan { last_used: Instant::now(), ..scan });
        }
        Ok(RecordPage { records, next })
    }

    async fn begin_scan(&self, from: Option<ScanCursor>) -> Result<PagedScan, StoreError> {
        let mut unread = VecDeque::new();
        for org in self.all_organisations().await? {
            if from.as_ref().is_some_and(|(key, _)| org < key.org) {
                continue;
            }
            let keys = self.repository_keys(&org).await?;
            unread.extend(keys.into_iter().filter(|key| from.as_ref().is_none_or(|(first, _)| key >= first)));
        }
        let mut scan = PagedScan { ready: VecDeque::new(), unread, last_used: Instant::now() };
        if let Some((key, id)) = from
            && scan.unread.front() == Some(&key)
        {
            let first = scan.unread.pop_front().into_iter().collect();
            self.read(&mut scan, first).await?;
            scan.ready.retain(|record| record.id >= id);
        }
        Ok(scan)
    }

    /// Reads the next repositories of one organisation: at least one, and enough for [`READ_AHEAD`]
    /// records.
    async fn read_ahead(&self, scan: &mut PagedScan) -> Result<(), StoreError> {
        let Some(org) = scan.unread.front().map(|key| key.org.clone()) else { return Ok(()) };
        let mut next_keys: Vec<RepoKey> =
            scan.unread.iter().take_while(|key| key.org == org).take(SIZE_QUERIES).cloned().collect();
        let org_keys = self.keys.of(&org);
        let mut pipeline = Pipeline::with_capacity(next_keys.len());
        next_keys.iter().for_each(|key| {
            pipeline.cmd("HLEN").arg(org_keys.facts(&key.id));
        });
        let mut sizes =
            self.bulk.pipeline(RedisCall::quick("scan").repeatable(), &pipeline).await?.into_iter();
        let (mut total, mut count) = (0, 0);
        while count < next_keys.len() && (count == 0 || total < READ_AHEAD) {
            total += parse::<usize>(next(&mut sizes)?)?;
            count += 1;
        }
        next_keys.truncate(count);
        scan.unread.drain(..count);
        self.read(scan, next_keys).await
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

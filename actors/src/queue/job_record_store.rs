//! The records of pending jobs, shared by all replicas: they exclude duplicates and give the depth
//! and age of the queue.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dispatch::seconds;
use super::{DispatchSettings, Job, QueueStats};
use crate::activity::Timestamp;
use crate::store::{Claim, SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::Jobs;

/// The stage of a pending job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStage {
    /// It waits for a worker.
    Waiting,
    /// It will be delivered again later.
    Delayed,
    /// A worker processes it.
    Working,
}

/// A pending job as all replicas know it. Replicas of other versions read its serialized form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    pub job: Job,
    pub stage: JobStage,
    /// When this stage was, or will be, due.
    pub due: Timestamp,
    /// From then on the job counts as lost, and another one for its window may be enqueued.
    pub lost_at: Timestamp,
}

impl JobRecord {
    /// A job that reaches a stage at `now` which is due after `delay`. It excludes duplicates until
    /// two coalesce windows after that, so that a lost job is enqueued again, and never longer than
    /// `dedup_ttl`.
    pub fn new(
        job: &Job,
        stage: JobStage,
        now: Timestamp,
        delay: Duration,
        settings: &DispatchSettings,
    ) -> Self {
        let due = now + i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        JobRecord { job: job.clone(), stage, due, lost_at: now + seconds(settings.dedup_lease(delay)) }
    }

    /// Whether it excludes duplicates at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.lost_at
    }
}

/// The records of all pending jobs by deduplication key.
#[derive(Clone)]
pub struct JobRecordStore {
    shared: Arc<dyn SharedState>,
    settings: DispatchSettings,
}

impl JobRecordStore {
    pub(super) fn new(shared: Arc<dyn SharedState>, settings: &DispatchSettings) -> Self {
        JobRecordStore { shared, settings: settings.clone() }
    }

    /// Records a job that is about to be published, unless one for the same window is pending;
    /// returns whether it was recorded. Of several claimants one succeeds.
    pub async fn claim(&self, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
        let record = JobRecord::new(job, JobStage::Waiting, now, Duration::ZERO, &self.settings);
        let (key, ttl) = (&job.dedup_key, self.settings.dedup_lease(Duration::ZERO));
        let encoded = encode(&record);
        match self.shared.claim(TABLE, key, &encoded, ttl).await? {
            Claim::Claimed => Ok(true),
            Claim::Held(held) if decode(&held).is_some_and(|record| record.is_alive(now)) => Ok(false),
            Claim::Held(held) => self.shared.swap(TABLE, key, &held, &encoded, ttl).await,
        }
    }

    /// Records that a job reached a stage which is due after `delay`. Nothing changes if another
    /// job has taken its key.
    pub async fn advance(
        &self,
        job: &Job,
        stage: JobStage,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), StoreError> {
        let key = &job.dedup_key;
        let held = self.shared.get(TABLE, key).await?.and_then(|held| decode(&held));
        if held.is_some_and(|record| record.job.job_id != job.job_id && record.is_alive(now)) {
            return Ok(());
        }
        let record = JobRecord::new(job, stage, now, delay, &self.settings);
        self.shared.put(TABLE, key, &encode(&record), self.settings.dedup_lease(delay)).await
    }

    /// Releases the key of a job that ended or was never published.
    pub async fn end(&self, job: &Job) -> Result<(), StoreError> {
        let held = self.shared.get(TABLE, &job.dedup_key).await?;
        let is_own =
            held.is_some_and(|held| decode(&held).is_none_or(|record| record.job.job_id == job.job_id));
        if is_own {
            self.shared.remove(TABLE, &job.dedup_key).await?;
        }
        Ok(())
    }

    /// When the current stage of a job was due; `None` if it has no record.
    pub async fn due(&self, job: &Job) -> Result<Option<Timestamp>, StoreError> {
        let held = self.shared.get(TABLE, &job.dedup_key).await?.and_then(|held| decode(&held));
        Ok(held.filter(|record| record.job.job_id == job.job_id).map(|record| record.due))
    }

    /// All records.
    pub async fn all(&self) -> Result<Vec<JobRecord>, StoreError> {
        let entries = self.shared.entries(TABLE).await?;
        Ok(entries.iter().filter_map(|(_, value)| decode(value)).collect())
    }

    /// The number of jobs pending at `now`, and the age of the oldest.
    pub async fn stats(&self, now: Timestamp) -> Result<QueueStats, StoreError> {
        let records = self.all().await?;
        let pending = || records.iter().filter(|record| record.is_alive(now));
        let oldest = pending().map(|record| record.job.created_at).min();
        Ok(QueueStats { depth: pending().count(), oldest, dead: 0 })
    }

    /// Removes every record: for a queue in memory, whose jobs ended with the process.
    pub async fn forget_all(&self) -> Result<(), StoreError> {
        for (key, _) in self.shared.entries(TABLE).await? {
            self.shared.remove(TABLE, &key).await?;
        }
        Ok(())
    }
}

fn encode(record: &JobRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record is plain data with text for keys")
}

/// A record that cannot be read counts as lost.
fn decode(value: &[u8]) -> Option<JobRecord> {
    serde_json::from_slice(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::JobStores;
    use crate::queue::testing::{job, settings};

    #[tokio::test(start_paused = true)]
    async fn a_pending_job_excludes_duplicates_until_it_ends_or_is_lost() {
        let records = JobStores::in_memory(&settings()).jobs;
        let now = Timestamp::from_unix(1_000_000);
        let (a, b) = (job("a"), job("b"));
        assert!(records.claim(&a, now).await.unwrap());
        assert!(!records.claim(&b, now).await.unwrap());
        records.end(&b).await.unwrap();
        assert!(!records.claim(&b, now).await.unwrap(), "a job that does not hold the key cannot release it");
        records.end(&a).await.unwrap();
        assert!(records.claim(&b, now).await.unwrap());
        assert!(!records.claim(&a, now + 2 * 900 - 1).await.unwrap());
        assert!(records.claim(&a, now + 2 * 900).await.unwrap(), "b is lost");
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_renews_the_record_and_a_replaced_job_changes_nothing() {
        let records = JobStores::in_memory(&settings()).jobs;
        let now = Timestamp::from_unix(1_000_000);
        let (a, b) = (job("a"), job("b"));
        assert!(records.claim(&a, now).await.unwrap());
        records.advance(&a, JobStage::Delayed, now, Duration::from_secs(3600)).await.unwrap();
        let lost = now + 3600 + 2 * 900;
        assert!(!records.claim(&b, lost - 1).await.unwrap());
        assert!(records.claim(&b, lost).await.unwrap());
        records.advance(&a, JobStage::Working, lost, Duration::ZERO).await.unwrap();
        let known = records.all().await.unwrap();
        assert_eq!((known[0].job.job_id.as_str(), known[0].stage), ("b", JobStage::Waiting));
        records.advance(&b, JobStage::Delayed, lost, Duration::from_secs(30 * 3600)).await.unwrap();
        assert!(records.claim(&a, lost + 12 * 3600).await.unwrap(), "never longer than dedup_ttl");
    }

    #[tokio::test(start_paused = true)]
    async fn depth_and_ages_come_from_the_records() {
        let records = JobStores::in_memory(&settings()).jobs;
        let now = Timestamp::from_unix(1_000_000);
        for (n, age) in [(1, 30), (2, 90)] {
            let job = Job { dedup_key: n.to_string(), created_at: now - age, ..job("a") };
            assert!(records.claim(&job, now).await.unwrap());
        }
        let stats = records.stats(now).await.unwrap();
        assert_eq!((stats.depth, stats.oldest), (2, Some(now - 90)));
        records.forget_all().await.unwrap();
        assert_eq!(records.stats(now).await.unwrap(), QueueStats::default());
    }
}

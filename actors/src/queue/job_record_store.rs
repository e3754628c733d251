//! The records of live jobs: they keep others like them out, and tell depth and ages.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dispatch::seconds;
use super::{DispatchSettings, Job, QueueStats};
use crate::activity::Timestamp;
use crate::store::{Claim, SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::Jobs;

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStage {
    /// It waits for a worker.
    Waiting,
    /// It comes back later.
    Delayed,
    /// A worker has it.
    Working,
}

/// A live job as all replicas know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The job.
    pub job: Job,
    /// Where it is.
    pub stage: JobStage,
    /// When this stage was, or will be, due.
    pub due: Timestamp,
    /// From then on the job counts as lost, and one like it may come in.
    pub lost_at: Timestamp,
}

impl JobRecord {
    /// A job that reaches a stage at `now`, which is due after `delay`. It keeps others like it out for two coalesce
    /// windows beyond that, so that a job which is lost there is enqueued again, and never longer than the time to live.
    pub fn new(
        job: &Job,
        stage: JobStage,
        now: Timestamp,
        delay: Duration,
        settings: &DispatchSettings,
    ) -> Self {
        let due = now + i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        JobRecord { job: job.clone(), stage, due, lost_at: now + seconds(settings.held(delay)) }
    }

    /// Whether others like it are kept out at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.lost_at
    }
}

/// The records of all live jobs, by deduplication key.
#[derive(Clone)]
pub struct JobRecordStore {
    shared: Arc<dyn SharedState>,
    settings: DispatchSettings,
}

impl JobRecordStore {
    pub(super) fn new(shared: Arc<dyn SharedState>, settings: &DispatchSettings) -> Self {
        JobRecordStore { shared, settings: settings.clone() }
    }

    /// Records a job that is about to be published, unless one like it is alive; whether it was recorded. Of several
    /// claimants one succeeds.
    pub async fn claim(&self, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
        let record = JobRecord::new(job, JobStage::Waiting, now, Duration::ZERO, &self.settings);
        let (key, ttl) = (&job.dedup_key, self.settings.held(Duration::ZERO));
        let encoded = encode(&record);
        match self.shared.claim(TABLE, key, &encoded, ttl).await? {
            Claim::Claimed => Ok(true),
            Claim::Held(held) if decode(&held).is_some_and(|record| record.is_alive(now)) => Ok(false),
            Claim::Held(held) => self.shared.swap(TABLE, key, &held, &encoded, ttl).await,
        }
    }

    /// A job reached a stage that is due after `delay`. Nothing changes where another job has taken its place.
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
        self.shared.put(TABLE, key, &encode(&record), self.settings.held(delay)).await
    }

    /// A job ended, or was never published: one like it may come in.
    pub async fn end(&self, job: &Job) -> Result<(), StoreError> {
        let held = self.shared.get(TABLE, &job.dedup_key).await?;
        let ours =
            held.is_some_and(|held| decode(&held).is_none_or(|record| record.job.job_id == job.job_id));
        if ours {
            self.shared.remove(TABLE, &job.dedup_key).await?;
        }
        Ok(())
    }

    /// When the job's present stage was due; `None` where it has no record.
    pub async fn due(&self, job: &Job) -> Result<Option<Timestamp>, StoreError> {
        let held = self.shared.get(TABLE, &job.dedup_key).await?.and_then(|held| decode(&held));
        Ok(held.filter(|record| record.job.job_id == job.job_id).map(|record| record.due))
    }

    /// Every record.
    pub async fn all(&self) -> Result<Vec<JobRecord>, StoreError> {
        let entries = self.shared.entries(TABLE).await?;
        Ok(entries.iter().filter_map(|(_, value)| decode(value)).collect())
    }

    /// How many jobs are alive at `now`, and how old the oldest is.
    pub async fn stats(&self, now: Timestamp) -> Result<QueueStats, StoreError> {
        let records = self.all().await?;
        let alive = || records.iter().filter(|record| record.is_alive(now));
        let oldest = alive().map(|record| record.job.created_at).min();
        Ok(QueueStats { depth: alive().count(), oldest, dead: 0 })
    }

    /// Forgets every job: those of a queue that ended with the process that had it.
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

/// What cannot be read is as good as lost.
fn decode(value: &[u8]) -> Option<JobRecord> {
    serde_json::from_slice(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::JobStores;
    use crate::queue::testing::{job, settings};

    #[tokio::test(start_paused = true)]
    async fn a_live_job_keeps_others_out_until_it_ends_or_is_lost() {
        let records = JobStores::in_memory(&settings()).jobs;
        let now = Timestamp::from_unix(1_000_000);
        let (a, b) = (job("a"), job("b"));
        assert!(records.claim(&a, now).await.unwrap());
        assert!(!records.claim(&b, now).await.unwrap());
        records.end(&b).await.unwrap();
        assert!(!records.claim(&b, now).await.unwrap(), "who does not have it cannot end it");
        records.end(&a).await.unwrap();
        assert!(records.claim(&b, now).await.unwrap());
        assert!(!records.claim(&a, now + 2 * 900 - 1).await.unwrap());
        assert!(records.claim(&a, now + 2 * 900).await.unwrap(), "b is lost");
    }

    #[tokio::test(start_paused = true)]
    async fn every_stage_renews_and_one_that_was_replaced_changes_nothing() {
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
        assert!(records.claim(&a, lost + 12 * 3600).await.unwrap(), "never longer than the time to live");
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

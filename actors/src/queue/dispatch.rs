//! The rules by which windows become jobs and failed jobs are retried: pure functions and types
//! without a clock or I/O.

use std::collections::HashMap;
use std::time::Duration;

use super::{DeadLetterReason, Job, JobReason};
use crate::activity::{MINUTE, OrgName, RepoId, RepoName, Timestamp, Window};

/// The configuration section `backfill`, as far as it concerns jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchSettings {
    /// Windows grow outward to multiples of this, so that neighbouring ones become one job.
    pub coalesce_window: Duration,
    /// How long a pending job excludes others for the same window, at most.
    pub dedup_ttl: Duration,
    pub max_enqueues_per_org_per_minute: u32,
    /// The delay before each retry; a job has one attempt more than there are delays.
    pub requeue_delays: Vec<Duration>,
    /// A job that fails and is older than this is given up.
    pub max_message_age: Duration,
}

impl DispatchSettings {
    /// The number of attempts a job has.
    pub fn max_attempts(&self) -> u32 {
        u32::try_from(self.requeue_delays.len()).unwrap_or(u32::MAX - 1) + 1
    }

    /// How long a job excludes others for the same window, from the beginning of a stage that is
    /// due after `delay`.
    pub fn dedup_lease(&self, delay: Duration) -> Duration {
        delay.saturating_add(self.coalesce_window * 2).min(self.dedup_ttl)
    }
}

/// A window that should be repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRequest {
    pub org: OrgName,
    /// The repository by node id and current name; `None` for every repository of the organisation.
    pub repo: Option<(RepoId, RepoName)>,
    pub window: Window,
    pub reason: JobReason,
}

/// Whether a requested window becomes a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnqueueDecision {
    /// This job is to be published.
    Enqueue(Job),
    /// A job for the same window is pending.
    Duplicate,
    /// The organisation has reached its limit for this minute; the next cycle requests the window
    /// again.
    Capped,
}

/// What the shared records say about the deduplication key of a proposed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingJob {
    /// No job has it.
    Free,
    /// A pending job has it.
    Held,
    /// They are unreachable: what this replica remembers decides.
    Unknown,
}

/// Remembers which jobs this replica enqueued, and how many for each organisation in this minute.
#[derive(Debug)]
pub struct Dispatcher {
    settings: DispatchSettings,
    /// Until when each deduplication key is held.
    leases: HashMap<String, Timestamp>,
    /// The current minute since the epoch, and the jobs enqueued in it.
    minutes: HashMap<OrgName, (i64, u32)>,
}

impl Dispatcher {
    /// Remembers no job yet.
    pub fn new(settings: DispatchSettings) -> Self {
        Dispatcher { settings, leases: HashMap::new(), minutes: HashMap::new() }
    }

    /// The job that a requested window would become at `now`.
    pub fn propose(&self, request: &WindowRequest, job_id: String, now: Timestamp) -> Job {
        let window = request.window.coalesced(seconds(self.settings.coalesce_window));
        let (repo_id, repo) = match &request.repo {
            Some((id, name)) => (Some(id.clone()), name.clone()),
            None => (None, Job::ALL.into()),
        };
        Job {
            job_id,
            dedup_key: dedup_key(request, window),
            org: request.org.clone(),
            repo,
            repo_id,
            window_start: window.from(),
            window_end: window.to(),
            reason: request.reason,
            attempt: 1,
            max_attempts: self.settings.max_attempts(),
            created_at: now,
            history: Vec::new(),
            reprocesses: None,
            trace: None,
        }
    }

    /// Decides on a proposed job at `now`.
    pub fn admit(&mut self, job: Job, existing: ExistingJob, now: Timestamp) -> EnqueueDecision {
        self.leases.retain(|_, until| *until > now);
        let is_duplicate = match existing {
            ExistingJob::Free => false,
            ExistingJob::Held => true,
            ExistingJob::Unknown => self.leases.contains_key(&job.dedup_key),
        };
        if is_duplicate {
            return EnqueueDecision::Duplicate;
        }
        if !self.count(&job.org, now) {
            return EnqueueDecision::Capped;
        }
        self.renew(&job.dedup_key, now, Duration::ZERO);
        EnqueueDecision::Enqueue(job)
    }

    /// Holds the key of a job that reached a stage which is due after `delay`: until two coalesce
    /// windows after that, so that a lost job is enqueued again, and never longer than `dedup_ttl`.
    pub fn renew(&mut self, dedup_key: &str, now: Timestamp, delay: Duration) {
        self.leases.insert(dedup_key.to_owned(), now + seconds(self.settings.dedup_lease(delay)));
    }

    /// Releases the key of a job that ended or was never published.
    pub fn release(&mut self, dedup_key: &str) {
        self.leases.remove(dedup_key);
    }

    /// Whether the organisation has reached its limit for this minute.
    pub fn is_capped(&self, org: &OrgName, now: Timestamp) -> bool {
        let minute = now.as_unix().div_euclid(MINUTE);
        let counted = self.minutes.get(org).filter(|slot| slot.0 == minute).map_or(0, |slot| slot.1);
        counted >= self.settings.max_enqueues_per_org_per_minute
    }

    fn count(&mut self, org: &OrgName, now: Timestamp) -> bool {
        let admitted = !self.is_capped(org, now);
        let minute = now.as_unix().div_euclid(MINUTE);
        let slot = self.minutes.entry(org.clone()).or_insert((minute, 0));
        if slot.0 != minute {
            *slot = (minute, 0);
        }
        slot.1 += u32::from(admitted);
        admitted
    }
}

fn dedup_key(request: &WindowRequest, window: Window) -> String {
    let repo = request.repo.as_ref().map_or(Job::ALL, |(id, _)| id.as_str());
    format!("{}/{repo}/{}-{}", request.org, window.from(), window.to())
}

/// Whole seconds, at least 1: no window and no lease is empty.
pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 8).max(1)
}

/// What happens to a job whose attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// This job is published again after `delay`.
    Retry { job: Box<Job>, delay: Duration },
    /// It becomes a dead letter.
    GiveUp { reason: DeadLetterReason },
}

/// Decides on a job whose attempt failed at `now`.
pub fn after_failure(job: &Job, now: Timestamp, settings: &DispatchSettings) -> RetryDecision {
    if now.seconds_since(job.created_at) >= seconds(settings.max_message_age) {
        return RetryDecision::GiveUp { reason: DeadLetterReason::Expired };
    }
    let retries = usize::try_from(job.attempt.max(1) - 1).unwrap_or(usize::MAX);
    match settings.requeue_delays.get(retries) {
        Some(delay) if job.attempt < job.max_attempts => RetryDecision::Retry {
            job: Box::new(Job { attempt: job.attempt + 1, ..job.clone() }),
            delay: *delay,
        },
        _ => RetryDecision::GiveUp { reason: DeadLetterReason::AttemptsExhausted },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::queue::testing::settings;

    /// Admits a request by what this replica remembers.
    fn admit(dispatcher: &mut Dispatcher, request: &WindowRequest, now: Timestamp) -> EnqueueDecision {
        let job = dispatcher.propose(request, "a".into(), now);
        dispatcher.admit(job, ExistingJob::Unknown, now)
    }

    fn request(from: i64, to: i64) -> WindowRequest {
        WindowRequest {
            org: "acme".into(),
            repo: Some(("R_1".into(), "api".into())),
            window: Window::new(Timestamp::from_unix(from), Timestamp::from_unix(to)).unwrap(),
            reason: JobReason::Gap,
        }
    }

    #[test]
    fn a_job_excludes_duplicates_until_it_ends_or_is_lost() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        let EnqueueDecision::Enqueue(job) = admit(&mut dispatcher, &request(1000, 1100), now) else {
            panic!()
        };
        assert_eq!((job.window_start.as_unix(), job.window_end.as_unix()), (900, 1800));
        assert_eq!(admit(&mut dispatcher, &request(1200, 1300), now), EnqueueDecision::Duplicate);
        dispatcher.release(&job.dedup_key);
        assert!(matches!(admit(&mut dispatcher, &request(1200, 1300), now), EnqueueDecision::Enqueue(_)));
        let later = now + 2 * 900;
        assert!(matches!(admit(&mut dispatcher, &request(1000, 1100), later), EnqueueDecision::Enqueue(_)));
    }

    #[test]
    fn the_shared_records_overrule_what_one_replica_remembers() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        assert!(matches!(admit(&mut dispatcher, &request(0, 1), now), EnqueueDecision::Enqueue(_)));
        let job = dispatcher.propose(&request(0, 1), "b".into(), now);
        assert!(matches!(dispatcher.admit(job.clone(), ExistingJob::Free, now), EnqueueDecision::Enqueue(_)));
        assert_eq!(dispatcher.admit(job, ExistingJob::Held, now), EnqueueDecision::Duplicate);
        let other = dispatcher.propose(&request(5_000, 5_001), "c".into(), now);
        assert_eq!(dispatcher.admit(other, ExistingJob::Held, now), EnqueueDecision::Duplicate);
    }

    #[test]
    fn an_organisation_is_limited_in_every_minute() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        let admit = |d: &mut Dispatcher, n: i64, now| admit(d, &request(n * 900, n * 900 + 1), now);
        let admitted: Vec<bool> =
            (0..5).map(|n| matches!(admit(&mut dispatcher, n, now), EnqueueDecision::Enqueue(_))).collect();
        assert_eq!(admitted, [true, true, true, false, false]);
        assert!(matches!(admit(&mut dispatcher, 4, now + 60), EnqueueDecision::Enqueue(_)));
    }

    #[test]
    fn a_failed_job_is_retried_until_its_attempts_are_exhausted_or_it_expires() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        let EnqueueDecision::Enqueue(job) = admit(&mut dispatcher, &request(0, 1), now) else { panic!() };
        let RetryDecision::Retry { job, delay } = after_failure(&job, now, &settings()) else { panic!() };
        assert_eq!((job.attempt, delay), (2, Duration::from_secs(60)));
        let RetryDecision::Retry { job, delay } = after_failure(&job, now, &settings()) else { panic!() };
        assert_eq!((job.attempt, delay), (3, Duration::from_secs(300)));
        assert_eq!(
            after_failure(&job, now, &settings()),
            RetryDecision::GiveUp { reason: DeadLetterReason::AttemptsExhausted }
        );
        let fresh = Job { attempt: 1, ..*job };
        assert_eq!(
            after_failure(&fresh, now + 86_400, &settings()),
            RetryDecision::GiveUp { reason: DeadLetterReason::Expired }
        );
    }

    proptest! {
        /// However jobs are lost or capped, a gap that is requested every minute is enqueued in
        /// bounded time.
        #[test]
        fn no_gap_is_dropped_for_good(lost in proptest::collection::vec(any::<bool>(), 1..20), others in 0i64..6) {
            let mut dispatcher = Dispatcher::new(settings());
            let mut now = Timestamp::from_unix(1_000_000);
            let mut enqueued = 0;
            let mut waited = 0;
            for lose in lost {
                loop {
                    // The order of requests alternates, so that the limit does not starve the same
                    // gap for ever.
                    let order: Vec<i64> = if waited % 2 == 0 { (0..=others).collect() } else { (0..=others).rev().collect() };
                    let mut ours = None;
                    for n in order {
                        if let EnqueueDecision::Enqueue(job) = admit(&mut dispatcher, &request(n * 900, n * 900 + 60), now) && n == 0 {
                            ours = Some(job);
                        }
                    }
                    now = now + 60;
                    waited += 1;
                    prop_assert!(waited < 200, "the gap waits for ever");
                    if let Some(job) = ours {
                        enqueued += 1;
                        if !lose { dispatcher.release(&job.dedup_key); }
                        break;
                    }
                }
                waited = 0;
            }
            prop_assert!(enqueued > 0);
        }
    }
}

//! The rules by which gaps become jobs, and failed jobs come back: plain functions and types, no clocks, no I/O.

use std::collections::HashMap;
use std::time::Duration;

use super::{DeadLetterReason, Job, JobReason};
use crate::activity::{MINUTE, OrgName, RepoId, RepoName, Timestamp, Window};

/// The knobs of SPEC's `backfill` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchSettings {
    /// Windows grow outward to multiples of this.
    pub coalesce_window: Duration,
    /// How long at most a job keeps others like it out.
    pub dedup_ttl: Duration,
    /// The cap of one organisation.
    pub max_enqueues_per_org_per_minute: u32,
    /// When a failed job comes back; attempts are one more than these.
    pub requeue_delays: Vec<Duration>,
    /// Older jobs are given up.
    pub max_message_age: Duration,
}

impl DispatchSettings {
    /// How often a job is tried.
    pub fn max_attempts(&self) -> u32 {
        u32::try_from(self.requeue_delays.len()).unwrap_or(u32::MAX - 1) + 1
    }

    /// How long a job keeps others like it out, from the beginning of a stage that is due after `delay`.
    pub fn held(&self, delay: Duration) -> Duration {
        delay.saturating_add(self.coalesce_window * 2).min(self.dedup_ttl)
    }
}

/// A window somebody wants repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRequest {
    /// Whose.
    pub org: OrgName,
    /// Which repository, by identity and current name; `None` for all.
    pub repo: Option<(RepoId, RepoName)>,
    /// What is missing.
    pub window: Window,
    /// Why.
    pub reason: JobReason,
}

/// What becomes of a wanted window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnqueueDecision {
    /// It is to be published.
    Enqueue(Job),
    /// A job like it is alive.
    Duplicate,
    /// The organisation had its share of this minute; the next sweep brings it back.
    Capped,
}

/// What the shared records tell of a proposed job's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingJob {
    /// Nobody has it.
    Free,
    /// A job like it is alive.
    Held,
    /// They cannot be asked: what this replica remembers decides.
    Nothing,
}

/// Remembers which jobs this replica enqueued, and how many for each organisation lately.
#[derive(Debug)]
pub struct Dispatcher {
    settings: DispatchSettings,
    leases: HashMap<String, Timestamp>,
    minutes: HashMap<OrgName, (i64, u32)>,
}

impl Dispatcher {
    /// Knows of no job.
    pub fn new(settings: DispatchSettings) -> Self {
        Dispatcher { settings, leases: HashMap::new(), minutes: HashMap::new() }
    }

    /// The job that a wanted window would become at `now`, called `job_id`.
    pub fn propose(&self, wanted: &WindowRequest, job_id: String, now: Timestamp) -> Job {
        let window = wanted.window.coalesced(seconds(self.settings.coalesce_window));
        let (repo_id, repo) = match &wanted.repo {
            Some((id, name)) => (Some(id.clone()), name.clone()),
            None => (None, Job::ALL.into()),
        };
        Job {
            job_id,
            dedup_key: dedup_key(wanted, window),
            org: wanted.org.clone(),
            repo,
            repo_id,
            window_start: window.from(),
            window_end: window.to(),
            reason: wanted.reason,
            attempt: 1,
            max_attempts: self.settings.max_attempts(),
            created_at: now,
            history: Vec::new(),
            reprocesses: None,
            trace: None,
        }
    }

    /// Decides on a proposed job at `now`.
    pub fn admit(&mut self, job: Job, known: ExistingJob, now: Timestamp) -> EnqueueDecision {
        self.leases.retain(|_, until| *until > now);
        let held = match known {
            ExistingJob::Free => false,
            ExistingJob::Held => true,
            ExistingJob::Nothing => self.leases.contains_key(&job.dedup_key),
        };
        if held {
            return EnqueueDecision::Duplicate;
        }
        if !self.count(&job.org, now) {
            return EnqueueDecision::Capped;
        }
        self.renew(&job.dedup_key, now, Duration::ZERO);
        EnqueueDecision::Enqueue(job)
    }

    /// A job reached a new stage that is due after `delay`: its key is held for two coalesce windows beyond that, so
    /// that a job which is lost there is enqueued again, and never longer than the time to live.
    pub fn renew(&mut self, dedup_key: &str, now: Timestamp, delay: Duration) {
        self.leases.insert(dedup_key.to_owned(), now + seconds(self.settings.held(delay)));
    }

    /// A job ended, or was never published.
    pub fn release(&mut self, dedup_key: &str) {
        self.leases.remove(dedup_key);
    }

    /// Whether the organisation had its share of this minute.
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

fn dedup_key(wanted: &WindowRequest, window: Window) -> String {
    let repo = wanted.repo.as_ref().map_or(Job::ALL, |(id, _)| id.as_str());
    format!("{}/{repo}/{}-{}", wanted.org, window.from(), window.to())
}

/// At least 1: no window and no lease is empty.
pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 8).max(1)
}

/// What happens to a job whose attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// It comes back.
    Retry {
        /// As this.
        job: Box<Job>,
        /// After this long.
        delay: Duration,
    },
    /// It is given up.
    GiveUp {
        /// Why.
        why: DeadLetterReason,
    },
}

/// Decides on a job whose attempt failed at `now`.
pub fn after_failure(job: &Job, now: Timestamp, settings: &DispatchSettings) -> RetryDecision {
    if now.seconds_since(job.created_at) >= seconds(settings.max_message_age) {
        return RetryDecision::GiveUp { why: DeadLetterReason::Expired };
    }
    let tried = usize::try_from(job.attempt.max(1) - 1).unwrap_or(usize::MAX);
    match settings.requeue_delays.get(tried) {
        Some(delay) if job.attempt < job.max_attempts => RetryDecision::Retry {
            job: Box::new(Job { attempt: job.attempt + 1, ..job.clone() }),
            delay: *delay,
        },
        _ => RetryDecision::GiveUp { why: DeadLetterReason::AttemptsExhausted },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::queue::testing::settings;

    /// Admits what is wanted by what this replica remembers.
    fn admit(dispatcher: &mut Dispatcher, wanted: &WindowRequest, now: Timestamp) -> EnqueueDecision {
        let job = dispatcher.propose(wanted, "a".into(), now);
        dispatcher.admit(job, ExistingJob::Nothing, now)
    }

    fn wanted(from: i64, to: i64) -> WindowRequest {
        WindowRequest {
            org: "acme".into(),
            repo: Some(("R_1".into(), "api".into())),
            window: Window::new(Timestamp::from_unix(from), Timestamp::from_unix(to)).unwrap(),
            reason: JobReason::Gap,
        }
    }

    #[test]
    fn a_job_keeps_others_like_it_out_until_it_ends_or_is_lost() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        let EnqueueDecision::Enqueue(job) = admit(&mut dispatcher, &wanted(1000, 1100), now) else {
            panic!()
        };
        assert_eq!((job.window_start.as_unix(), job.window_end.as_unix()), (900, 1800));
        assert_eq!(admit(&mut dispatcher, &wanted(1200, 1300), now), EnqueueDecision::Duplicate);
        dispatcher.release(&job.dedup_key);
        assert!(matches!(admit(&mut dispatcher, &wanted(1200, 1300), now), EnqueueDecision::Enqueue(_)));
        let later = now + 2 * 900;
        assert!(matches!(admit(&mut dispatcher, &wanted(1000, 1100), later), EnqueueDecision::Enqueue(_)));
    }

    #[test]
    fn what_all_replicas_know_overrules_what_one_remembers() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        assert!(matches!(admit(&mut dispatcher, &wanted(0, 1), now), EnqueueDecision::Enqueue(_)));
        let job = dispatcher.propose(&wanted(0, 1), "b".into(), now);
        assert!(matches!(dispatcher.admit(job.clone(), ExistingJob::Free, now), EnqueueDecision::Enqueue(_)));
        assert_eq!(dispatcher.admit(job, ExistingJob::Held, now), EnqueueDecision::Duplicate);
        let other = dispatcher.propose(&wanted(5_000, 5_001), "c".into(), now);
        assert_eq!(dispatcher.admit(other, ExistingJob::Held, now), EnqueueDecision::Duplicate);
    }

    #[test]
    fn an_organisation_has_its_share_of_every_minute() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        let admit = |d: &mut Dispatcher, n: i64, now| admit(d, &wanted(n * 900, n * 900 + 1), now);
        let admitted: Vec<bool> =
            (0..5).map(|n| matches!(admit(&mut dispatcher, n, now), EnqueueDecision::Enqueue(_))).collect();
        assert_eq!(admitted, [true, true, true, false, false]);
        assert!(matches!(admit(&mut dispatcher, 4, now + 60), EnqueueDecision::Enqueue(_)));
    }

    #[test]
    fn a_failed_job_comes_back_until_its_attempts_or_its_time_run_out() {
        let now = Timestamp::from_unix(1_000_000);
        let mut dispatcher = Dispatcher::new(settings());
        let EnqueueDecision::Enqueue(job) = admit(&mut dispatcher, &wanted(0, 1), now) else { panic!() };
        let RetryDecision::Retry { job, delay } = after_failure(&job, now, &settings()) else { panic!() };
        assert_eq!((job.attempt, delay), (2, Duration::from_secs(60)));
        let RetryDecision::Retry { job, delay } = after_failure(&job, now, &settings()) else { panic!() };
        assert_eq!((job.attempt, delay), (3, Duration::from_secs(300)));
        assert_eq!(
            after_failure(&job, now, &settings()),
            RetryDecision::GiveUp { why: DeadLetterReason::AttemptsExhausted }
        );
        let fresh = Job { attempt: 1, ..*job };
        assert_eq!(
            after_failure(&fresh, now + 86_400, &settings()),
            RetryDecision::GiveUp { why: DeadLetterReason::Expired }
        );
    }

    proptest! {
        /// However jobs are lost or capped, a gap that is swept every minute is enqueued again in bounded time.
        #[test]
        fn no_gap_is_dropped_for_good(lost in proptest::collection::vec(any::<bool>(), 1..20), others in 0i64..6) {
            let mut dispatcher = Dispatcher::new(settings());
            let mut now = Timestamp::from_unix(1_000_000);
            let mut enqueued = 0;
            let mut waited = 0;
            for lose in lost {
                loop {
                    // The sweep lists gaps newest first in turn, so that a cap does not starve the same one for ever.
                    let order: Vec<i64> = if waited % 2 == 0 { (0..=others).collect() } else { (0..=others).rev().collect() };
                    let mut ours = None;
                    for n in order {
                        if let EnqueueDecision::Enqueue(job) = admit(&mut dispatcher, &wanted(n * 900, n * 900 + 60), now) && n == 0 {
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

//! A job that was given up, for an operator to look at.

use serde::{Deserialize, Serialize};

use super::{Job, JobFailure};
use crate::activity::Timestamp;

/// Why a job, or what was no job at all, was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterReason {
    /// It failed for the last time.
    AttemptsExhausted,
    /// It failed, and trying again cannot help.
    CannotSucceed,
    /// It failed, and was older than a job may become.
    Expired,
    /// It was no job, or one that makes no sense.
    Malformed,
}

impl DeadLetterReason {
    /// Its name in headers and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            DeadLetterReason::AttemptsExhausted => "attempts_exhausted",
            DeadLetterReason::CannotSucceed => "cannot_succeed",
            DeadLetterReason::Expired => "expired",
            DeadLetterReason::Malformed => "malformed",
        }
    }
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The job's id, or that of the message that was no job.
    pub id: String,
    /// The job as it was last tried; `None` for what was no job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// Why it was given up.
    pub reason: DeadLetterReason,
    /// The last error.
    pub error: String,
    /// When it was given up.
    pub died_at: Timestamp,
    /// All failed attempts, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<JobFailure>,
    /// The beginning of a message that was no job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl DeadLetter {
    /// A job that is given up after an attempt that failed with `error`, or before any.
    pub fn of_job(job: &Job, reason: DeadLetterReason, error: &str, died_at: Timestamp) -> Self {
        let failure = JobFailure::new(job.attempt, died_at, error);
        let error = failure.error.clone();
        let history = job.history.iter().cloned().chain([failure]).collect();
        let job = Some(Job { history: Vec::new(), ..job.clone() });
        DeadLetter { id: job_id(&job), job, reason, error, died_at, history, excerpt: None }
    }

    /// A message that was no job.
    pub fn of_poison(poison: &PoisonMessage, died_at: Timestamp) -> Self {
        let error = format!("{} ({} bytes)", poison.problem, poison.size);
        let excerpt = Some(poison.excerpt.clone());
        let (id, reason) = (poison.id.clone(), DeadLetterReason::Malformed);
        DeadLetter { id, job: None, reason, error, died_at, history: Vec::new(), excerpt }
    }
}

fn job_id(job: &Option<Job>) -> String {
    job.as_ref().map(|job| job.job_id.clone()).unwrap_or_default()
}

/// A message that is no job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonMessage {
    /// A name for it.
    pub id: String,
    /// What is wrong with it.
    pub problem: String,
    /// Its size in bytes.
    pub size: usize,
    /// How it begins.
    pub excerpt: String,
}

//! A job that was given up, for an operator to decide on.

use serde::{Deserialize, Serialize};

use super::{Job, JobFailure};
use crate::activity::Timestamp;

/// Why a job, or a message that was not a job, was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterReason {
    /// It failed for the last time.
    AttemptsExhausted,
    /// It failed, and another attempt cannot succeed either.
    CannotSucceed,
    /// It failed, and had reached the maximum age of a message.
    Expired,
    /// It was not a job, or an invalid one.
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

/// A job or message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The job's id, or that of a malformed message.
    pub id: String,
    /// The job as it was last tried; `None` for a malformed message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    pub reason: DeadLetterReason,
    /// The last error.
    pub error: String,
    pub died_at: Timestamp,
    /// All failed attempts, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<JobFailure>,
    /// The beginning of a malformed message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl DeadLetter {
    /// The dead letter of a job whose attempt failed with `error`, or that was invalid.
    pub fn of_job(job: &Job, reason: DeadLetterReason, error: &str, died_at: Timestamp) -> Self {
        let failure = JobFailure::new(job.attempt, died_at, error);
        let error = failure.error.clone();
        let history = job.history.iter().cloned().chain([failure]).collect();
        let job = Some(Job { history: Vec::new(), ..job.clone() });
        DeadLetter { id: job_id(&job), job, reason, error, died_at, history, excerpt: None }
    }

    /// The dead letter of a malformed message.
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

/// A message that is not a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonMessage {
    /// The message id, or an identifier derived from the content.
    pub id: String,
    pub problem: String,
    /// In bytes.
    pub size: usize,
    /// The beginning of the message.
    pub excerpt: String,
}

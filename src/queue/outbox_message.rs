//! The messages of the outbox, and the keys under which they are stored.

use std::time::Duration;

use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::queue::{DeadLetter, Job, TraceContext};
use serde::{Deserialize, Serialize};

/// A message that waits to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxMessage {
    Job {
        job: Box<Job>,
        /// When the job is due, in milliseconds of the system clock.
        due_ms: i64,
        /// The trace of the job, which its own JSON does not contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<Box<TraceContext>>,
    },
    #[serde(rename = "letter")]
    DeadLetter(Box<DeadLetter>),
    /// A dead letter that was removed while the broker, which may have a copy, was unavailable.
    #[serde(rename = "forgotten")]
    Discarded {
        #[serde(rename = "letter")]
        dead_letter_id: String,
    },
}

impl OutboxMessage {
    /// A job that is due after `delay`.
    pub fn job(job: &Job, delay: Duration) -> Self {
        let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 4);
        let due_ms = system_unix_ms().saturating_add(delay);
        OutboxMessage::Job { job: Box::new(job.clone()), due_ms, trace: job.trace.clone() }
    }

    /// Decodes a stored message and puts the trace back into its job; `None` if the bytes are
    /// invalid.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut message: OutboxMessage = serde_json::from_slice(bytes).ok()?;
        if let OutboxMessage::Job { job, trace, .. } = &mut message {
            job.trace.clone_from(trace);
        }
        Some(message)
    }

    /// The key under which the message is stored. A job that is stored again replaces its earlier
    /// version.
    pub fn key(&self) -> String {
        match self {
            OutboxMessage::Job { job, .. } => job_key(&job.job_id),
            OutboxMessage::DeadLetter(dead_letter) => dead_letter_key(&dead_letter.id),
            OutboxMessage::Discarded { dead_letter_id } => format!("forgotten/{dead_letter_id}"),
        }
    }
}

/// The key of a job.
pub(super) fn job_key(job_id: &str) -> String {
    format!("job/{job_id}")
}

/// The key of a dead letter.
pub(super) fn dead_letter_key(id: &str) -> String {
    format!("letter/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::testing::job;

    #[test]
    fn the_stored_form_of_messages_is_stable() {
        let discarded = OutboxMessage::Discarded { dead_letter_id: "a".into() };
        let stored = r#"{"forgotten":{"letter":"a"}}"#;
        assert_eq!(serde_json::to_string(&discarded).unwrap(), stored);
        assert_eq!(OutboxMessage::decode(stored.as_bytes()), Some(discarded.clone()));
        assert_eq!(discarded.key(), "forgotten/a");
        let trace = TraceContext { parent: "00-0af7-b7ad-01".into(), state: String::new() };
        let traced = OutboxMessage::job(&Job { trace: Some(Box::new(trace)), ..job() }, Duration::ZERO);
        let stored = serde_json::to_vec(&traced).unwrap();
        assert_eq!(OutboxMessage::decode(&stored), Some(traced));
    }
}

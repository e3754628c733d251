//! Dead letters: backfill jobs that were given up. Times are Unix times in seconds.

use github_stats_actors::queue::{
    DeadLetter, DeadLetterPage, Job, JobFailure, ReprocessOutcome, ReprocessSummary,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which dead letters to list.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeadLetterQuery {
    /// The maximum number of dead letters; 100 by default.
    pub count: Option<usize>,
}

/// The oldest dead letters.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetters)]
pub struct DeadLetterList {
    /// How many dead letters there are, listed or not.
    pub total: usize,
    /// The oldest first.
    #[serde(rename = "letters")]
    pub dead_letters: Vec<DeadLetterView>,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// The id of the job, or of the message that contained no job.
    pub id: String,
    /// The job as it was last tried; absent if the message contained none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobView>,
    /// `attempts_exhausted`, `cannot_succeed`, `expired` or `malformed`.
    pub reason: String,
    /// The last error.
    pub error: String,
    /// When the job was given up.
    pub died_at: i64,
    /// All failed attempts, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<AttemptView>,
    /// The beginning of a message that contained no job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// A job: a window of a repository that is to be collected again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    pub job_id: String,
    /// Equal for jobs that would do the same work.
    pub dedup_key: String,
    pub org: String,
    /// The repository; `*` for all repositories of the organisation.
    pub repo: String,
    /// The repository's node id; absent for all repositories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_id: Option<String>,
    /// The first second of the window.
    pub window_start: i64,
    /// The first second after the window.
    pub window_end: i64,
    /// Why the window was not collected in time: `scrape_error`, `rate_limited`, `github_unhealthy`
    /// or `gap`.
    pub reason: String,
    /// The number of the last attempt, from 1.
    pub attempt: u32,
    pub max_attempts: u32,
    pub created_at: i64,
    /// Earlier failed attempts, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<AttemptView>,
    /// The dead letter this job was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reprocesses: Option<String>,
}

/// A failed attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FailedAttempt)]
pub struct AttemptView {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// When it ended.
    pub at: i64,
    /// The beginning of the error.
    pub error: String,
}

/// The outcome of reprocessing dead letters.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Reprocessed)]
pub struct ReprocessAnswer {
    pub reprocessed: Vec<ReprocessedDeadLetter>,
    pub failed: Vec<FailedReprocess>,
}

/// A dead letter that became a job.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReprocessedDeadLetter {
    pub id: String,
    /// The new job; `null` if an earlier request made one.
    pub job_id: Option<String>,
}

/// A dead letter that was not reprocessed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedReprocess {
    pub id: String,
    pub error: String,
}

/// Why a dead letter is resolved.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Resolution)]
pub struct ResolveRequest {
    /// The explanation for the audit log.
    pub reason: String,
}

/// A dead letter that was resolved.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Resolved)]
pub struct ResolveAnswer {
    /// The id of the dead letter.
    pub resolved: String,
    pub reason: String,
}

impl From<DeadLetterPage> for DeadLetterList {
    fn from(page: DeadLetterPage) -> Self {
        let dead_letters = page.dead_letters.iter().map(DeadLetterView::of).collect();
        DeadLetterList { total: page.total, dead_letters }
    }
}

impl DeadLetterView {
    pub fn of(dead_letter: &DeadLetter) -> Self {
        DeadLetterView {
            id: dead_letter.id.clone(),
            job: dead_letter.job.as_ref().map(JobView::of),
            reason: dead_letter.reason.as_str().to_owned(),
            error: dead_letter.error.clone(),
            died_at: dead_letter.died_at.as_unix(),
            history: dead_letter.history.iter().map(AttemptView::of).collect(),
            excerpt: dead_letter.excerpt.clone(),
        }
    }
}

impl JobView {
    fn of(job: &Job) -> Self {
        JobView {
            job_id: job.job_id.clone(),
            dedup_key: job.dedup_key.clone(),
            org: job.org.to_string(),
            repo: job.repo.to_string(),
            repo_id: job.repo_id.as_ref().map(ToString::to_string),
            window_start: job.window_start.as_unix(),
            window_end: job.window_end.as_unix(),
            reason: job.reason.as_str().to_owned(),
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            created_at: job.created_at.as_unix(),
            history: job.history.iter().map(AttemptView::of).collect(),
            reprocesses: job.reprocesses.clone(),
        }
    }
}

impl AttemptView {
    fn of(failure: &JobFailure) -> Self {
        AttemptView { attempt: failure.attempt, at: failure.at.as_unix(), error: failure.error.clone() }
    }
}

impl From<ReprocessOutcome> for ReprocessedDeadLetter {
    fn from(outcome: ReprocessOutcome) -> Self {
        ReprocessedDeadLetter { id: outcome.id, job_id: outcome.job_id }
    }
}

impl From<ReprocessSummary> for ReprocessAnswer {
    fn from(summary: ReprocessSummary) -> Self {
        let failed = summary.failed.into_iter();
        ReprocessAnswer {
            reprocessed: summary.reprocessed.into_iter().map(ReprocessedDeadLetter::from).collect(),
            failed: failed.map(|(id, error)| FailedReprocess { id, error: error.to_string() }).collect(),
        }
    }
}

impl From<ReprocessOutcome> for ReprocessAnswer {
    fn from(outcome: ReprocessOutcome) -> Self {
        ReprocessAnswer { reprocessed: vec![outcome.into()], failed: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::activity::Timestamp;
    use github_stats_actors::queue::testing::job;
    use github_stats_actors::queue::{DeadLetterReason, PoisonMessage};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_api_shows_a_dead_letter_as_it_is_stored() {
        let now = Timestamp::from_unix(2_000);
        let again = Job { reprocesses: Some("a".into()), ..job("a~2") };
        let poison =
            PoisonMessage { id: "p".into(), problem: "no JSON".into(), size: 3, excerpt: "{{{".into() };
        for dead_letter in [
            DeadLetter::of_job(&again, DeadLetterReason::AttemptsExhausted, "it failed", now),
            DeadLetter::of_poison(&poison, now),
        ] {
            let view = DeadLetterView::of(&dead_letter);
            assert_eq!(json!(view), json!(dead_letter));
            assert_eq!(serde_json::from_value::<DeadLetterView>(json!(dead_letter)).unwrap(), view);
        }
    }
}

//! The dead letters that are neither reprocessed nor resolved.

use std::sync::Arc;
use std::time::Duration;

use super::{DeadLetter, DeadLetterReason, JobReason, WindowRequest};
use crate::activity::{Coverage, Window};
use crate::store::{SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::DeadLetters;

/// How long a dead letter is kept; its window may be enqueued again afterwards.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// Dead letters by id, shared by all replicas. As long as one is here, its window is not enqueued.
#[derive(Clone)]
pub struct DeadLetterStore {
    shared: Arc<dyn SharedState>,
}

impl DeadLetterStore {
    pub(super) fn new(shared: Arc<dyn SharedState>) -> Self {
        DeadLetterStore { shared }
    }

    /// Adds a dead letter, or replaces the one of the same id.
    pub async fn add(&self, dead_letter: &DeadLetter) -> Result<(), StoreError> {
        let encoded =
            serde_json::to_vec(dead_letter).expect("a dead letter is plain data with text for keys");
        self.shared.put(TABLE, &dead_letter.id, &encoded, RETENTION).await
    }

    /// One dead letter.
    pub async fn get(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        let value = self.shared.get(TABLE, id).await?;
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    /// Removes a dead letter, so that its window may be enqueued again; returns whether it existed.
    pub async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        self.shared.remove(TABLE, id).await
    }

    /// All dead letters, the oldest first.
    pub async fn all(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let entries = self.shared.entries(TABLE).await?;
        let mut dead_letters: Vec<DeadLetter> =
            entries.iter().filter_map(|(_, value)| serde_json::from_slice(value).ok()).collect();
        dead_letters.sort_by(|a, b| (a.died_at, &a.id).cmp(&(b.died_at, &b.id)));
        Ok(dead_letters)
    }
}

/// The parts of a requested window that no dead letter holds back. A dead letter holds back the
/// window of its own repository only; one of a whole organisation does not affect single
/// repositories.
///
/// One exception keeps a repository that cannot be read from adding a dead letter for each window:
/// if the job of the dead letter could not succeed, later windows that a scrape failed on are left
/// to the next scrape, which tries them anyway.
pub fn repairable_windows(request: &WindowRequest, dead_letters: &[DeadLetter]) -> Vec<Window> {
    let repo_id = request.repo.as_ref().map(|(id, _)| id);
    let jobs = dead_letters.iter().filter_map(|dead| Some((dead.reason, dead.job.as_ref()?)));
    let same = jobs.filter(|(_, job)| job.org == request.org && job.repo_id.as_ref() == repo_id);
    let mut held_back = Coverage::new();
    for (reason, job) in same {
        let Some(window) = job.window() else { continue };
        let hopeless = reason == DeadLetterReason::CannotSucceed && request.reason == JobReason::ScrapeError;
        if hopeless && window.from() <= request.window.from() {
            return Vec::new();
        }
        held_back.insert(window);
    }
    held_back.gaps(request.window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Timestamp;
    use crate::queue::testing::{job, settings};
    use crate::queue::{Job, JobStores};

    fn window(from: i64, to: i64) -> Window {
        Window::new(Timestamp::from_unix(from), Timestamp::from_unix(to)).unwrap()
    }

    fn dead_letter(id: &str, job: Job) -> DeadLetter {
        let job = Job { job_id: id.into(), ..job };
        DeadLetter::of_job(&job, DeadLetterReason::AttemptsExhausted, "no", Timestamp::from_unix(5))
    }

    fn request(of: &Job, window: Window) -> WindowRequest {
        let repo = of.repo_id.clone().map(|id| (id, of.repo.clone()));
        WindowRequest { org: of.org.clone(), repo, window, reason: JobReason::Gap }
    }

    #[test]
    fn a_dead_letter_holds_back_its_window_and_nothing_else() {
        let of = job("a");
        let dead_letters = [dead_letter("a", of.clone())];
        assert_eq!(repairable_windows(&request(&of, window(0, 900)), &dead_letters), []);
        assert_eq!(
            repairable_windows(&request(&of, window(-60, 1_000)), &dead_letters),
            [window(-60, 0), window(900, 1_000)]
        );
        let other = Job { repo_id: Some("R_2".into()), ..of.clone() };
        assert_eq!(repairable_windows(&request(&other, window(0, 900)), &dead_letters), [window(0, 900)]);
        let all = Job { repo_id: None, ..of };
        assert_eq!(repairable_windows(&request(&all, window(0, 900)), &dead_letters), [window(0, 900)]);
    }

    #[test]
    fn after_a_permanent_failure_later_failures_are_left_to_the_next_scrape_but_gaps_are_not() {
        let of = job("a");
        let hopeless = DeadLetter { reason: DeadLetterReason::CannotSucceed, ..dead_letter("a", of.clone()) };
        let failed = |window| WindowRequest { reason: JobReason::ScrapeError, ..request(&of, window) };
        let dead_letters = [hopeless];
        assert_eq!(repairable_windows(&failed(window(5_000, 6_000)), &dead_letters), []);
        assert_eq!(repairable_windows(&failed(window(-900, -60)), &dead_letters), [window(-900, -60)]);
        assert_eq!(
            repairable_windows(&request(&of, window(5_000, 6_000)), &dead_letters),
            [window(5_000, 6_000)]
        );
        let transient = [dead_letter("a", of.clone())];
        assert_eq!(repairable_windows(&failed(window(5_000, 6_000)), &transient), [window(5_000, 6_000)]);
    }

    #[tokio::test]
    async fn dead_letters_are_listed_until_they_are_removed() {
        let dead_letters = JobStores::in_memory(&settings()).dead_letters;
        dead_letters.add(&dead_letter("b", job("b"))).await.unwrap();
        dead_letters.add(&dead_letter("a", job("a"))).await.unwrap();
        dead_letters.add(&dead_letter("a", job("a"))).await.unwrap();
        let ids: Vec<String> = dead_letters.all().await.unwrap().into_iter().map(|dead| dead.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(dead_letters.get("a").await.unwrap(), Some(dead_letter("a", job("a"))));
        assert!(dead_letters.remove("a").await.unwrap() && !dead_letters.remove("a").await.unwrap());
        assert_eq!(dead_letters.get("a").await.unwrap(), None);
    }
}

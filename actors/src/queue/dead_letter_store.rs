//! The book of dead letters: what was given up and that nobody has resolved.

use std::sync::Arc;
use std::time::Duration;

use super::{DeadLetter, DeadLetterReason, JobReason, WindowRequest};
use crate::activity::{Coverage, Window};
use crate::store::{SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::DeadLetters;

/// How long a letter is kept that nobody looks at; its window is then tried again.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// Dead letters by id. While one is in this book, the sweeps leave its window alone.
#[derive(Clone)]
pub struct DeadLetterStore {
    shared: Arc<dyn SharedState>,
}

impl DeadLetterStore {
    pub(super) fn new(shared: Arc<dyn SharedState>) -> Self {
        DeadLetterStore { shared }
    }

    /// Adds a letter, or replaces the one of the same id.
    pub async fn add(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let encoded = serde_json::to_vec(letter).expect("a letter is plain data with text for keys");
        self.shared.put(TABLE, &letter.id, &encoded, KEPT).await
    }

    /// A letter.
    pub async fn get(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        let value = self.shared.get(TABLE, id).await?;
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    /// Takes a letter out: its window may be swept again. Whether it was there.
    pub async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        self.shared.remove(TABLE, id).await
    }

    /// All of them, the oldest first.
    pub async fn all(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let entries = self.shared.entries(TABLE).await?;
        let mut letters: Vec<DeadLetter> =
            entries.iter().filter_map(|(_, value)| serde_json::from_slice(value).ok()).collect();
        letters.sort_by(|a, b| (a.died_at, &a.id).cmp(&(b.died_at, &b.id)));
        Ok(letters)
    }
}

/// What of a wanted window no dead letter has parked. A letter parks the window of what it was a job for and nothing
/// else: one of a whole organisation leaves alone what is wanted of a single repository.
///
/// One exception keeps a repository that cannot be read from filling the book with a letter a window: where trying again
/// cannot help, later windows that a scrape failed on are left to the next scrape, which tries them anyway.
pub fn unparked(wanted: &WindowRequest, letters: &[DeadLetter]) -> Vec<Window> {
    let repo_id = wanted.repo.as_ref().map(|(id, _)| id);
    let jobs = letters.iter().filter_map(|letter| Some((letter.reason, letter.job.as_ref()?)));
    let same = jobs.filter(|(_, job)| job.org == wanted.org && job.repo_id.as_ref() == repo_id);
    let mut parked = Coverage::new();
    for (reason, job) in same {
        let Some(window) = job.window() else { continue };
        let hopeless = reason == DeadLetterReason::CannotSucceed && wanted.reason == JobReason::ScrapeError;
        if hopeless && window.from() <= wanted.window.from() {
            return Vec::new();
        }
        parked.insert(window);
    }
    parked.gaps(wanted.window)
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

    fn letter(id: &str, job: Job) -> DeadLetter {
        let job = Job { job_id: id.into(), ..job };
        DeadLetter::of_job(&job, DeadLetterReason::AttemptsExhausted, "no", Timestamp::from_unix(5))
    }

    fn wanted(of: &Job, window: Window) -> WindowRequest {
        let repo = of.repo_id.clone().map(|id| (id, of.repo.clone()));
        WindowRequest { org: of.org.clone(), repo, window, reason: JobReason::Gap }
    }

    #[test]
    fn a_letter_parks_its_window_and_nothing_else() {
        let of = job("a");
        let letters = [letter("a", of.clone())];
        assert_eq!(unparked(&wanted(&of, window(0, 900)), &letters), []);
        assert_eq!(
            unparked(&wanted(&of, window(-60, 1_000)), &letters),
            [window(-60, 0), window(900, 1_000)]
        );
        let other = Job { repo_id: Some("R_2".into()), ..of.clone() };
        assert_eq!(unparked(&wanted(&other, window(0, 900)), &letters), [window(0, 900)]);
        let all = Job { repo_id: None, ..of };
        assert_eq!(unparked(&wanted(&all, window(0, 900)), &letters), [window(0, 900)]);
    }

    #[test]
    fn where_nothing_helps_later_failures_are_left_to_the_scrapes_and_holes_are_not() {
        let of = job("a");
        let hopeless = DeadLetter { reason: DeadLetterReason::CannotSucceed, ..letter("a", of.clone()) };
        let failed = |window| WindowRequest { reason: JobReason::ScrapeError, ..wanted(&of, window) };
        let letters = [hopeless];
        assert_eq!(unparked(&failed(window(5_000, 6_000)), &letters), []);
        assert_eq!(unparked(&failed(window(-900, -60)), &letters), [window(-900, -60)]);
        assert_eq!(unparked(&wanted(&of, window(5_000, 6_000)), &letters), [window(5_000, 6_000)]);
        let transient = [letter("a", of.clone())];
        assert_eq!(unparked(&failed(window(5_000, 6_000)), &transient), [window(5_000, 6_000)]);
    }

    #[tokio::test]
    async fn letters_are_listed_until_they_are_taken_out() {
        let letters = JobStores::in_memory(&settings()).letters;
        letters.add(&letter("b", job("b"))).await.unwrap();
        letters.add(&letter("a", job("a"))).await.unwrap();
        letters.add(&letter("a", job("a"))).await.unwrap();
        let ids: Vec<String> = letters.all().await.unwrap().into_iter().map(|letter| letter.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(letters.get("a").await.unwrap(), Some(letter("a", job("a"))));
        assert!(letters.remove("a").await.unwrap() && !letters.remove("a").await.unwrap());
        assert_eq!(letters.get("a").await.unwrap(), None);
    }
}

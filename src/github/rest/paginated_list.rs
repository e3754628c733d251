//! Pagination by `Link` headers.

use github_stats_actors::activity::Timestamp;
use github_stats_actors::source::SourceError;
use serde::de::DeserializeOwned;

use crate::github::client::GithubClient;

/// A paginated list, read one page at a time.
pub struct PaginatedList<'a> {
    client: &'a GithubClient,
    endpoint: &'static str,
    next: Option<String>,
    expected: &'static [u16],
    /// The `Date` of the first response.
    pub observed_at: Option<Timestamp>,
    /// Whether the list does not exist.
    pub was_missing: bool,
}

impl<'a> PaginatedList<'a> {
    pub fn new(client: &'a GithubClient, endpoint: &'static str, first: String) -> Self {
        PaginatedList {
            client,
            endpoint,
            next: Some(first),
            expected: &[],
            observed_at: None,
            was_missing: false,
        }
    }

    /// Treats a list that does not exist (404) as empty instead of failing.
    pub fn missing_ok(self) -> Self {
        PaginatedList { expected: &[404], ..self }
    }

    /// The next page; `None` after the last one.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, SourceError> {
        let Some(path) = self.next.take() else { return Ok(None) };
        let response = self.client.get(self.endpoint, &path, self.expected).await?;
        self.observed_at = self.observed_at.or(response.date());
        if response.status.as_u16() == 404 {
            self.was_missing = true;
            return Ok(None);
        }
        self.next = response.next_page();
        self.client.parse(&path, &response).map(Some)
    }
}

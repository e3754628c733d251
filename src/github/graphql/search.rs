//! The conversations of an organisation that changed, by GitHub's search.

use github_stats_actors::activity::{RepoId, Timestamp};
use github_stats_actors::source::{SourceError, SourceErrorKind};
use serde_json::json;

use super::conversations::{ConversationBatchSizes, FoundConversations, nested_page};
use super::model::{Connection, Conversation, SearchData};
use super::queries::SEARCH;
use super::session::{GraphqlRequest, GraphqlSession};
use crate::github::time_format::rfc3339;

/// A search returns its first thousand results only.
const MAX_RESULTS: usize = 1_000;

/// A period of time, both ends included; unbounded if `to` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchSlice {
    /// The first second.
    pub from: Timestamp,
    /// The last second.
    pub to: Option<Timestamp>,
}

impl SearchSlice {
    /// The search expression for an account's conversations that changed in this period.
    pub fn query(self, account: &str) -> String {
        let from = rfc3339(self.from);
        match self.to {
            Some(to) => format!("{account} updated:{from}..{} sort:updated-desc", rfc3339(to)),
            None => format!("{account} updated:>={from} sort:updated-desc"),
        }
    }

    /// Its two halves, the earlier first; `None` for a single second.
    fn halves(self, now: Timestamp) -> Option<[SearchSlice; 2]> {
        let to = self.to.unwrap_or(now.max(self.from + 1));
        let middle = self.from + to.seconds_since(self.from) / 2;
        (middle < to).then(|| {
            [SearchSlice { from: self.from, to: Some(middle) }, SearchSlice { from: middle + 1, to: self.to }]
        })
    }
}

impl GraphqlSession {
    /// Reads every conversation of `account` (`org:acme`) that changed since `since`, with its
    /// reviews and comments since then. `first` is the first page of the whole period, if it was
    /// read already.
    ///
    /// A slice with more results than the search returns is halved. The earlier half is read first,
    /// because conversations that change meanwhile move into the later one.
    pub async fn search(
        &self,
        sizes: &ConversationBatchSizes,
        account: &str,
        since: Timestamp,
        first: Option<Connection<Conversation>>,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        let mut first = first;
        let mut slices = vec![SearchSlice { from: since, to: None }];
        while let Some(slice) = slices.pop() {
            let mut page = match first.take() {
                Some(page) => page,
                None => self.fetch_results(sizes, account, slice, None).await?,
            };
            if page.issue_count > MAX_RESULTS {
                let Some([earlier, later]) = slice.halves(self.client.now()) else {
                    let detail = format!(
                        "more than {MAX_RESULTS} conversations changed in one second, more than a search returns"
                    );
                    return Err(self.error(SourceErrorKind::Malformed, detail));
                };
                slices.extend([later, earlier]);
                continue;
            }
            loop {
                self.read_results(&page, since, found).await?;
                let Some(after) = page.page_info.next() else { break };
                page = self.fetch_results(sizes, account, slice, Some(after)).await?;
            }
        }
        Ok(())
    }

    async fn read_results(
        &self,
        page: &Connection<Conversation>,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        for conversation in page.nodes.iter().flatten() {
            let Some(repository) = &conversation.repository else { continue };
            let id = RepoId::from(repository.id.as_str());
            found.names.insert(id.clone(), repository.name.as_str().into());
            found.add_conversation(&id, conversation);
            self.fetch_earlier_entries(&id, conversation, since, found).await?;
        }
        Ok(())
    }

    async fn fetch_results(
        &self,
        sizes: &ConversationBatchSizes,
        account: &str,
        slice: SearchSlice,
        after: Option<String>,
    ) -> Result<Connection<Conversation>, SourceError> {
        let search = slice.query(account);
        let query = |size: usize| GraphqlRequest {
            query: SEARCH,
            variables: json!({ "search": search, "found": size, "after": after, "nested": nested_page(size) }),
            connections: 1 + 3 * size,
            can_shrink: sizes.search.can_shrink(),
        };
        let data = self.fetch_page::<SearchData>(&sizes.search, query).await?;
        Ok(data.search)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_halved_without_a_gap_and_a_single_second_is_not() {
        let at = Timestamp::from_unix;
        let whole = SearchSlice { from: at(100), to: None };
        let [earlier, later] = whole.halves(at(200)).unwrap();
        assert_eq!(earlier, SearchSlice { from: at(100), to: Some(at(150)) });
        assert_eq!(later, SearchSlice { from: at(151), to: None });
        assert_eq!(SearchSlice { from: at(7), to: Some(at(7)) }.halves(at(200)), None);
        let [earlier, later] = SearchSlice { from: at(7), to: Some(at(8)) }.halves(at(200)).unwrap();
        assert_eq!((earlier.to, later.from), (Some(at(7)), at(8)));
        assert!(earlier.query("org:acme").starts_with("org:acme updated:1970-01-01T00:00:07Z..1970"));
    }
}

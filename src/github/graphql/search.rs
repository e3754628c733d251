//! Everything that changed in the conversations of an organisation, by GitHub's search.

use github_stats_actors::activity::{RepoId, Timestamp};
use github_stats_actors::source::{SourceError, SourceErrorKind};
use serde_json::json;

use super::conversations::{ConversationLoads, FoundConversations, nested};
use super::model::{Connection, Conversation, SearchData};
use super::queries::SEARCH;
use super::session::{GraphqlRequest, GraphqlSession};
use crate::github::rest::rfc3339;

/// No search tells more than its first thousand results.
const REACHABLE: usize = 1_000;

/// A stretch of time, both ends included; open towards the future where `to` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchSlice {
    /// The first second.
    pub from: Timestamp,
    /// The last second.
    pub to: Option<Timestamp>,
}

impl SearchSlice {
    /// What is asked of the search for an account's conversations that changed within it.
    pub fn query(self, account: &str) -> String {
        let from = rfc3339(self.from);
        match self.to {
            Some(to) => format!("{account} updated:{from}..{} sort:updated-desc", rfc3339(to)),
            None => format!("{account} updated:>={from} sort:updated-desc"),
        }
    }

    /// Its two halves, the earlier first; `None` where it is a single second.
    fn halves(self, now: Timestamp) -> Option<[SearchSlice; 2]> {
        let to = self.to.unwrap_or(now.max(self.from + 1));
        let middle = self.from + to.seconds_since(self.from) / 2;
        (middle < to).then(|| {
            [SearchSlice { from: self.from, to: Some(middle) }, SearchSlice { from: middle + 1, to: self.to }]
        })
    }
}

impl GraphqlSession {
    /// Reads every conversation of `account` (`org:acme`) that changed since `since`, with its reviews and comments
    /// since then. `first` is the first page of the whole stretch, if it was read already.
    ///
    /// A slice with more results than the search tells is halved. The earlier half is read first: what changes meanwhile
    /// moves into the later one.
    pub async fn search(
        &self,
        loads: &ConversationLoads,
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
                None => self.results(loads, account, slice, None).await?,
            };
            if page.issue_count > REACHABLE {
                let Some([earlier, later]) = slice.halves(self.client.now()) else {
                    let detail = format!(
                        "more than {REACHABLE} conversations changed in one second, which no search can tell"
                    );
                    return Err(self.failure(SourceErrorKind::Malformed, detail));
                };
                slices.extend([later, earlier]);
                continue;
            }
            loop {
                self.take(&page, since, found).await?;
                let Some(after) = page.page_info.next() else { break };
                page = self.results(loads, account, slice, Some(after)).await?;
            }
        }
        Ok(())
    }

    async fn take(
        &self,
        page: &Connection<Conversation>,
        since: Timestamp,
        found: &mut FoundConversations,
    ) -> Result<(), SourceError> {
        for conversation in page.nodes.iter().flatten() {
            let Some(repository) = &conversation.repository else { continue };
            let id = RepoId::from(repository.id.as_str());
            found.names.insert(id.clone(), repository.name.as_str().into());
            found.take(&id, conversation);
            self.deepen(&id, conversation, since, found).await?;
        }
        Ok(())
    }

    async fn results(
        &self,
        loads: &ConversationLoads,
        account: &str,
        slice: SearchSlice,
        after: Option<String>,
    ) -> Result<Connection<Conversation>, SourceError> {
        let search = slice.query(account);
        let question = |size: usize| GraphqlRequest {
            query: SEARCH,
            variables: json!({ "search": search, "found": size, "after": after, "nested": nested(size) }),
            lists: 1 + 3 * size,
            can_shrink: loads.search.can_shrink(),
        };
        let told = self.page::<SearchData>(&loads.search, question, |_| ()).await?;
        Ok(told.data.search)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_halved_without_a_gap_and_a_second_is_not() {
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

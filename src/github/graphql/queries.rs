//! All queries. A test checks them against GitHub's schema.
//!
//! GitHub charges a point per hundred connections, counted as if every list were full; the length
//! of a list costs nothing. The sizes of [`BatchSize`](super::batch_size::BatchSize) are chosen
//! accordingly.

/// A query and its operation name.
#[derive(Clone, Copy, Debug)]
pub struct QueryTemplate {
    /// The operation name, also the endpoint in metrics.
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! repository_fields {
    () => {
        "id name pushedAt defaultBranchRef { target { oid } }"
    };
}

macro_rules! review_fields {
    () => {
        "pageInfo { hasPreviousPage startCursor } nodes { id fullDatabaseId state createdAt submittedAt author { __typename login } }"
    };
}

macro_rules! comment_fields {
    () => {
        "pageInfo { hasPreviousPage startCursor } nodes { id fullDatabaseId createdAt author { __typename login } }"
    };
}

macro_rules! pull_fields {
    () => {
        concat!(
            "__typename id number createdAt mergedAt updatedAt author { __typename login } repository { id name } ",
            "reviews(last: $nested) { ", review_fields!(), " } ",
            "comments(last: $nested) { ", comment_fields!(), " }"
        )
    };
}

macro_rules! issue_fields {
    () => {
        concat!(
            "__typename id number createdAt updatedAt repository { id name } ",
            "comments(last: $nested) { ",
            comment_fields!(),
            " }"
        )
    };
}

macro_rules! found_fields {
    () => {
        concat!(
            "issueCount pageInfo { hasNextPage endCursor } nodes { ",
            "... on PullRequest { ",
            pull_fields!(),
            " } ",
            "... on Issue { ",
            issue_fields!(),
            " } }"
        )
    };
}

macro_rules! listed_fields {
    () => {
        concat!(
            "repositories(first: $first, after: $after, ownerAffiliations: [OWNER], ",
            "orderBy: {field: PUSHED_AT, direction: DESC}) { ",
            "pageInfo { hasNextPage endCursor } nodes { ",
            repository_fields!(),
            " } }"
        )
    };
}

macro_rules! history_fields {
    () => {
        concat!(
            "pageInfo { hasNextPage endCursor } nodes { oid committedDate additions deletions ",
            "parents(first: 10) { nodes { oid } } author { user { login } } }"
        )
    };
}

macro_rules! query {
    ($name:literal, $arguments:literal, $($body:expr),+) => {
        QueryTemplate { name: $name, text: concat!("query ", $name, "(", $arguments, ") { rateLimit { cost } ", $($body),+, " }") }
    };
}

/// The most recently pushed repositories and the most recently changed conversations: the only
/// query for an idle organisation.
pub const POLL: QueryTemplate = query!(
    "Look",
    "$owner: String!, $first: Int!, $after: String, $search: String!, $found: Int!, $nested: Int!",
    "repositoryOwner(login: $owner) { __typename ",
    listed_fields!(),
    " } search(type: ISSUE, query: $search, first: $found) { ",
    found_fields!(),
    " }"
);

/// Further repositories.
pub const LIST: QueryTemplate = query!(
    "List",
    "$owner: String!, $first: Int!, $after: String",
    "repositoryOwner(login: $owner) { __typename ",
    listed_fields!(),
    " }"
);

/// Further conversations.
pub const SEARCH: QueryTemplate = query!(
    "Search",
    "$search: String!, $found: Int!, $after: String, $nested: Int!",
    "search(type: ISSUE, query: $search, first: $found, after: $after) { ",
    found_fields!(),
    " }"
);

/// The newest commits of several default branches.
pub const HISTORY: QueryTemplate = query!(
    "History",
    "$ids: [ID!]!, $first: Int!, $since: GitTimestamp",
    "nodes(ids: $ids) { ... on Repository { id name defaultBranchRef { target { oid ... on Commit { ",
    "history(first: $first, since: $since) { ",
    history_fields!(),
    " } } } } } }"
);

/// Further commits of one branch, by its tip, which stays the same while the branch moves on.
pub const HISTORY_PAGE: QueryTemplate = query!(
    "HistoryPage",
    "$id: ID!, $tip: GitObjectID!, $first: Int!, $after: String, $since: GitTimestamp",
    "node(id: $id) { ... on Repository { object(oid: $tip) { ... on Commit { ",
    "history(first: $first, after: $after, since: $since) { ",
    history_fields!(),
    " } } } } }"
);

/// The most recently changed conversations of several repositories, without the search.
pub const CONVERSATIONS: QueryTemplate = query!(
    "Conversations",
    "$ids: [ID!]!, $pulls: Int!, $issues: Int!, $since: DateTime!, $nested: Int!",
    "nodes(ids: $ids) { ... on Repository { id name ",
    "pullRequests(first: $pulls, orderBy: {field: UPDATED_AT, direction: DESC}) { pageInfo { hasNextPage endCursor } nodes { ",
    pull_fields!(),
    " } } issues(first: $issues, filterBy: {since: $since}, orderBy: {field: UPDATED_AT, direction: DESC}) { ",
    "pageInfo { hasNextPage endCursor } nodes { ",
    issue_fields!(),
    " } } } }"
);

/// Further pull requests of one repository.
pub const PULLS_PAGE: QueryTemplate = query!(
    "PullsPage",
    "$id: ID!, $first: Int!, $after: String, $nested: Int!",
    "node(id: $id) { ... on Repository { ",
    "pullRequests(first: $first, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) { ",
    "pageInfo { hasNextPage endCursor } nodes { ",
    pull_fields!(),
    " } } } }"
);

/// Further issues of one repository.
pub const ISSUES_PAGE: QueryTemplate = query!(
    "IssuesPage",
    "$id: ID!, $first: Int!, $after: String, $since: DateTime!, $nested: Int!",
    "node(id: $id) { ... on Repository { ",
    "issues(first: $first, after: $after, filterBy: {since: $since}, orderBy: {field: UPDATED_AT, direction: DESC}) { ",
    "pageInfo { hasNextPage endCursor } nodes { ",
    issue_fields!(),
    " } } } }"
);

/// Earlier reviews of one pull request.
pub const REVIEWS_PAGE: QueryTemplate = query!(
    "ReviewsPage",
    "$id: ID!, $before: String",
    "node(id: $id) { ... on PullRequest { reviews(last: 100, before: $before) { ",
    review_fields!(),
    " } } }"
);

/// Earlier comments of one conversation.
pub const COMMENTS_PAGE: QueryTemplate = query!(
    "CommentsPage",
    "$id: ID!, $before: String",
    "node(id: $id) { ... on PullRequest { comments(last: 100, before: $before) { ",
    comment_fields!(),
    " } } ... on Issue { comments(last: 100, before: $before) { ",
    comment_fields!(),
    " } } }"
);

/// Whether reviews and comments still exist.
pub const EXISTING: QueryTemplate = query!("Present", "$ids: [ID!]!", "nodes(ids: $ids) { id }");

#[cfg(test)]
pub const ALL: [QueryTemplate; 11] = [
    POLL,
    LIST,
    SEARCH,
    HISTORY,
    HISTORY_PAGE,
    CONVERSATIONS,
    PULLS_PAGE,
    ISSUES_PAGE,
    REVIEWS_PAGE,
    COMMENTS_PAGE,
    EXISTING,
];

#[cfg(test)]
mod tests {
    use apollo_compiler::validation::Valid;
    use apollo_compiler::{ExecutableDocument, Schema};

    use super::*;

    /// GitHub's schema, trimmed to the types that the queries touch; see `tests/data/README.md`.
    fn schema() -> Valid<Schema> {
        let text = include_str!("../../../tests/data/github.graphql");
        Schema::parse_and_validate(text, "github.graphql").expect("a valid schema")
    }

    #[test]
    fn every_query_is_valid_in_githubs_schema() {
        let schema = schema();
        for query in ALL {
            if let Err(errors) = ExecutableDocument::parse_and_validate(&schema, query.text, query.name) {
                panic!("{}: {}", query.name, errors.errors);
            }
        }
    }
}

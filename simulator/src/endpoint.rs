//! The endpoints and the routing of paths to them.

use serde::{Deserialize, Serialize};

use crate::token::Permission;

/// An endpoint of the REST API, or the GraphQL endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/rate_limit`
    RateLimit,
    /// `/meta`
    Meta,
    /// `/orgs/{org}`
    Organization,
    /// `/users/{user}`
    User,
    /// `/orgs/{org}/repos`
    OrganizationRepositories,
    /// `/users/{user}/repos`
    UserRepositories,
    /// `/orgs/{org}/issues`
    OrganizationIssues,
    /// `/repos/{owner}/{repo}`
    Repository,
    /// `/repos/{owner}/{repo}/branches`
    Branches,
    /// `/repos/{owner}/{repo}/commits`
    Commits,
    /// `/repos/{owner}/{repo}/commits/{ref}`
    Commit,
    /// `/repos/{owner}/{repo}/compare/{base}...{head}`
    Compare,
    /// `/repos/{owner}/{repo}/pulls`
    PullRequests,
    /// `/repos/{owner}/{repo}/pulls/{number}`
    PullRequest,
    /// `/repos/{owner}/{repo}/pulls/{number}/reviews`
    Reviews,
    /// `/repos/{owner}/{repo}/issues`
    Issues,
    /// `/repos/{owner}/{repo}/issues/comments`
    IssueComments,
    /// `/repos/{owner}/{repo}/stats/contributors`
    ContributorStatistics,
    /// `POST /graphql`
    Graphql,
    /// `/app`
    App,
    /// `POST /app/installations/{id}/access_tokens`
    InstallationToken,
    /// `/installation/repositories`
    InstallationRepositories,
}

impl Endpoint {
    /// The permission it needs; `None` if it is public.
    pub fn permission(self) -> Option<Permission> {
        match self {
            Self::RateLimit | Self::Meta | Self::Organization | Self::User => None,
            Self::Graphql | Self::App | Self::InstallationToken => None,
            Self::OrganizationRepositories
            | Self::UserRepositories
            | Self::InstallationRepositories
            | Self::Repository => Some(Permission::Metadata),
            Self::Branches | Self::Commits | Self::Commit | Self::Compare | Self::ContributorStatistics => {
                Some(Permission::Contents)
            }
            Self::PullRequests | Self::PullRequest | Self::Reviews => Some(Permission::PullRequests),
            Self::Issues | Self::IssueComments | Self::OrganizationIssues => Some(Permission::Issues),
        }
    }

    /// Whether requests to it cost no points.
    pub fn is_free(self) -> bool {
        self == Self::RateLimit || self.is_of_app()
    }

    /// Whether it is authenticated by an app's JSON web token.
    pub fn is_of_app(self) -> bool {
        matches!(self, Self::App | Self::InstallationToken)
    }

    /// The rate-limit resource that it counts against.
    pub fn resource(self) -> &'static str {
        if self == Self::Graphql { "graphql" } else { "core" }
    }

    /// Whether it takes POST rather than GET.
    pub(crate) fn takes_posts(self) -> bool {
        matches!(self, Self::Graphql | Self::InstallationToken)
    }
}

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    /// Login of the account, or empty.
    pub(crate) owner: String,
    /// Name of the repository, or empty.
    pub(crate) repo: String,
    /// The last parameter: a commit, a comparison, or a number.
    pub(crate) rest: String,
    /// The path after owner and repository.
    pub(crate) tail: String,
}

impl Route {
    /// The route of a path that names accounts and repositories by name, if there is one.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let account = |endpoint, owner: &str| Some(Self::new(endpoint, owner, "", ""));
        match parts.as_slice() {
            ["rate_limit"] => account(Endpoint::RateLimit, ""),
            ["meta"] => account(Endpoint::Meta, ""),
            ["graphql"] => account(Endpoint::Graphql, ""),
            ["app"] => account(Endpoint::App, ""),
            ["app", "installations", id, "access_tokens"] => {
                Some(Self::new(Endpoint::InstallationToken, "", "", id))
            }
            ["installation", "repositories"] => account(Endpoint::InstallationRepositories, ""),
            ["orgs", org] => account(Endpoint::Organization, org),
            ["users", user] => account(Endpoint::User, user),
            ["orgs", org, "repos"] => account(Endpoint::OrganizationRepositories, org),
            ["users", user, "repos"] => account(Endpoint::UserRepositories, user),
            ["orgs", org, "issues"] => account(Endpoint::OrganizationIssues, org),
            ["repos", owner, repo, rest @ ..] => Self::of_repository(owner, repo, rest),
            _ => None,
        }
    }

    fn of_repository(owner: &str, repo: &str, rest: &[&str]) -> Option<Self> {
        let tail = rest.iter().map(|part| format!("/{part}")).collect();
        let (endpoint, rest) = match rest {
            [] => (Endpoint::Repository, String::new()),
            ["branches"] => (Endpoint::Branches, String::new()),
            ["commits"] => (Endpoint::Commits, String::new()),
            ["commits", reference @ ..] => (Endpoint::Commit, reference.join("/")),
            ["compare", range @ ..] => (Endpoint::Compare, range.join("/")),
            ["pulls"] => (Endpoint::PullRequests, String::new()),
            ["pulls", number] => (Endpoint::PullRequest, (*number).to_owned()),
            ["pulls", number, "reviews"] => (Endpoint::Reviews, (*number).to_owned()),
            ["issues"] => (Endpoint::Issues, String::new()),
            ["issues", "comments"] => (Endpoint::IssueComments, String::new()),
            ["stats", "contributors"] => (Endpoint::ContributorStatistics, String::new()),
            _ => return None,
        };
        Some(Self { tail, ..Self::new(endpoint, owner, repo, &rest) })
    }

    fn new(endpoint: Endpoint, owner: &str, repo: &str, rest: &str) -> Self {
        Self {
            endpoint,
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            rest: rest.to_owned(),
            tail: String::new(),
        }
    }
}

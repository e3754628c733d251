//! The answers of the endpoints.

mod accounts;
pub(crate) mod commits;
mod compare;
pub(crate) mod conversations;
mod installation;
pub(crate) mod people;
pub(crate) mod pulls;
mod repositories;
mod service;
mod statistics;

use crate::context::Context;
use crate::endpoint::Endpoint;
use crate::reply::{Answer, Reply};

/// Answers a request that was let in.
pub(crate) fn answer(context: &Context<'_>) -> Answer {
    match context.route.endpoint {
        Endpoint::RateLimit => Ok(service::rate_limit(context)),
        Endpoint::Meta => Ok(service::meta()),
        Endpoint::Organization => accounts::organization(context),
        Endpoint::User => accounts::user(context),
        Endpoint::OrganizationRepositories | Endpoint::UserRepositories => repositories::list(context),
        Endpoint::OrganizationIssues => conversations::organization_issues(context),
        Endpoint::Repository => repositories::one(context),
        Endpoint::Branches => repositories::branches(context),
        Endpoint::Commits => commits::list(context),
        Endpoint::Commit => commits::one(context),
        Endpoint::Compare => compare::compare(context),
        Endpoint::PullRequests => pulls::list(context),
        Endpoint::PullRequest => pulls::one(context),
        Endpoint::Reviews => pulls::reviews(context),
        Endpoint::Issues => conversations::issues(context),
        Endpoint::IssueComments => conversations::comments(context),
        Endpoint::ContributorStatistics => statistics::contributors(context),
        Endpoint::InstallationRepositories => installation::repositories(context),
        // These are posted to, or ask with a key of their own: they were answered before.
        Endpoint::Graphql | Endpoint::App | Endpoint::InstallationToken => Err(Reply::not_found()),
    }
}

//! The answers of the endpoints.

mod accounts;
mod commits;
mod compare;
mod conversations;
mod people;
mod pulls;
mod repositories;
mod service;
mod statistics;

use crate::context::Context;
use crate::endpoint::Endpoint;
use crate::reply::Answer;

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
    }
}

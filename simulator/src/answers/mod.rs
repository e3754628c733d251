//! The responses of the REST endpoints.

mod accounts;
pub(crate) mod commits;
mod compare;
pub(crate) mod conversations;
mod installation;
pub(crate) mod pulls;
mod repositories;
mod service;
mod statistics;
pub(crate) mod users;

use crate::context::Context;
use crate::endpoint::Endpoint;
use crate::http_response::{EndpointResult, HttpResponse};

/// The response to a request that passed authentication and limits.
pub(crate) fn answer(context: &Context<'_>) -> EndpointResult {
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
        // GraphQL and the endpoints of apps are handled before routing reaches this function.
        Endpoint::Graphql | Endpoint::App | Endpoint::InstallationToken => Err(HttpResponse::not_found()),
    }
}

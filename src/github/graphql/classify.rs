//! What the errors of a GraphQL response mean.

use github_stats_actors::activity::Timestamp;

use super::response::GraphqlError;
use crate::github::classify::{
    ErrorClass, is_secondary_rate_limit, primary_rate_limit, retry_after, secondary_rate_limit,
};
use crate::github::http_response::HttpResponse;

/// The rate limit that the errors of a response received at `now` report, if any. Unlike over REST,
/// such a response has status 200.
pub fn classify_graphql_errors(
    errors: &[GraphqlError],
    response: &HttpResponse,
    now: Timestamp,
) -> Option<ErrorClass> {
    if errors.iter().any(|error| is_secondary_rate_limit(&error.message)) {
        return Some(secondary_rate_limit(retry_after(response)));
    }
    errors.iter().any(GraphqlError::is_rate_limited).then(|| primary_rate_limit(response, now))
}

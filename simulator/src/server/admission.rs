//! Authentication and rate limits of requests.

use std::sync::Arc;

use jiff::Timestamp;

use crate::graphql;
use crate::http_response::HttpResponse;
use crate::rate_limit::RateLimitAccount;
use crate::state::SimulatorState;
use crate::token::Token;

/// GitHub's documentation of rate limits.
const LIMITS_HELP: &str =
    "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api";

/// The secret of an `Authorization` header; GitHub accepts the schemes `Bearer` and `token`.
pub(crate) fn secret(header: Option<&str>) -> Option<&str> {
    let (scheme, secret) = header?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    known.then(|| secret.trim())
}

/// The token of a request, `None` for an anonymous one, or 401 for an unknown one.
pub(crate) fn token(
    state: &SimulatorState,
    header: Option<&str>,
    now: Timestamp,
) -> Result<Option<Arc<Token>>, HttpResponse> {
    if header.is_none() {
        return Ok(None);
    }
    let known = secret(header).and_then(|secret| state.token_store.find(secret, now));
    known.map(Some).ok_or_else(|| HttpResponse::error(401, "Bad credentials"))
}

/// The account that is charged for a resource.
pub(crate) fn rate_limit_account(
    state: &SimulatorState,
    token: Option<&Token>,
    resource: &'static str,
) -> RateLimitAccount {
    let limit = match (token, resource) {
        (Some(token), "graphql") => token.graphql_limit.unwrap_or(token.hourly_limit),
        (Some(token), _) => token.hourly_limit,
        (None, "graphql") => 0,
        (None, _) => state.options.anonymous_limit,
    };
    RateLimitAccount { account_key: token.map(Token::account_key).unwrap_or_default(), resource, limit }
}

/// Fails if a secondary or the primary limit is exceeded.
pub(crate) fn limits(
    state: &SimulatorState,
    rate_limit_account: &RateLimitAccount,
    in_flight: usize,
    now: Timestamp,
    id: &str,
) -> Result<(), HttpResponse> {
    let options = &state.options;
    let mut rate_limits = state.rate_limits();
    let crowded = options.max_concurrency.is_some_and(|limit| in_flight > limit);
    let per_minute = match rate_limit_account.resource {
        "graphql" => options.graphql_points_per_minute,
        _ => options.points_per_minute,
    };
    let fast = per_minute.is_some_and(|limit| rate_limits.last_minute(rate_limit_account, now) >= limit);
    if crowded || fast {
        return Err(secondary(options.secondary_retry_after, id));
    }
    if rate_limits.rate_limit_status(rate_limit_account, now).remaining() == 0 {
        return Err(primary(rate_limit_account, id));
    }
    Ok(())
}

/// The response of an exhausted primary limit.
pub(crate) fn primary(rate_limit_account: &RateLimitAccount, id: &str) -> HttpResponse {
    if rate_limit_account.resource == "graphql" {
        // In GraphQL this is not an HTTP error.
        return HttpResponse::ok(&graphql::refusal("RATE_LIMITED", "API rate limit exceeded for user ID 1."));
    }
    let message = if rate_limit_account.account_key.is_empty() {
        "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)".to_owned()
    } else {
        format!(
            "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the request ID {id}."
        )
    };
    refusal(&message, LIMITS_HELP)
}

/// The response of an exceeded secondary limit.
pub(crate) fn secondary(retry_after: Option<u64>, id: &str) -> HttpResponse {
    let message = format!(
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID {id}."
    );
    let response = refusal(&message, &format!("{LIMITS_HELP}#about-secondary-rate-limits"));
    match retry_after {
        Some(seconds) => response.header("retry-after", seconds.to_string()),
        None => response,
    }
}

fn refusal(message: &str, help: &str) -> HttpResponse {
    HttpResponse::json(
        403,
        &serde_json::json!({"message": message, "documentation_url": help, "status": "403"}),
    )
}

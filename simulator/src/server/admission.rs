//! Who asks, and whether there is anything left to spend.

use std::sync::Arc;

use jiff::Timestamp;

use crate::graphql;
use crate::ledger::Payer;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::token::Token;

/// GitHub's page on limits.
const LIMITS_HELP: &str =
    "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api";

/// The secret of an `Authorization` header: GitHub takes `Bearer` and `token`.
pub(crate) fn secret(header: Option<&str>) -> Option<&str> {
    let (scheme, secret) = header?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    known.then(|| secret.trim())
}

/// The token of a request, none for an anonymous one, or 401.
pub(crate) fn token(
    shared: &Shared,
    header: Option<&str>,
    now: Timestamp,
) -> Result<Option<Arc<Token>>, Reply> {
    if header.is_none() {
        return Ok(None);
    }
    let known = secret(header).and_then(|secret| shared.keyring.find(secret, now));
    known.map(Some).ok_or_else(|| Reply::error(401, "Bad credentials"))
}

/// Whose points are spent on a resource.
pub(crate) fn payer(shared: &Shared, token: Option<&Token>, resource: &'static str) -> Payer {
    let limit = match (token, resource) {
        (Some(token), "graphql") => token.graphql_limit.unwrap_or(token.hourly_limit),
        (Some(token), _) => token.hourly_limit,
        (None, "graphql") => 0,
        (None, _) => shared.options.anonymous_limit,
    };
    Payer { purse: token.map(Token::purse).unwrap_or_default(), resource, limit }
}

/// Refuses what is beyond a secondary or the primary limit.
pub(crate) fn limits(
    shared: &Shared,
    payer: &Payer,
    in_flight: usize,
    now: Timestamp,
    id: &str,
) -> Result<(), Reply> {
    let options = &shared.options;
    let mut ledger = shared.ledger();
    let crowded = options.max_concurrency.is_some_and(|limit| in_flight > limit);
    let per_minute = match payer.resource {
        "graphql" => options.graphql_points_per_minute,
        _ => options.points_per_minute,
    };
    let fast = per_minute.is_some_and(|limit| ledger.last_minute(payer, now) >= limit);
    if crowded || fast {
        return Err(secondary(options.secondary_retry_after, id));
    }
    if ledger.balance(payer, now).remaining() == 0 {
        return Err(primary(payer, id));
    }
    Ok(())
}

/// The answer of an exhausted primary limit.
pub(crate) fn primary(payer: &Payer, id: &str) -> Reply {
    if payer.resource == "graphql" {
        // Not an error to HTTP.
        return Reply::ok(&graphql::refusal("RATE_LIMITED", "API rate limit exceeded for user ID 1."));
    }
    let message = if payer.purse.is_empty() {
        "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)".to_owned()
    } else {
        format!(
            "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the request ID {id}."
        )
    };
    refusal(&message, LIMITS_HELP)
}

/// The answer of an exceeded secondary limit.
pub(crate) fn secondary(retry_after: Option<u64>, id: &str) -> Reply {
    let message = format!(
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID {id}."
    );
    let reply = refusal(&message, &format!("{LIMITS_HELP}#about-secondary-rate-limits"));
    match retry_after {
        Some(seconds) => reply.header("retry-after", seconds.to_string()),
        None => reply,
    }
}

fn refusal(message: &str, help: &str) -> Reply {
    Reply::json(403, &serde_json::json!({"message": message, "documentation_url": help, "status": "403"}))
}

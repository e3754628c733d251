//! `/rate_limit` and `/meta`.

use serde_json::{Value, json};

use crate::context::Context;
use crate::http_response::HttpResponse;
use crate::rate_limit::{RateLimitAccount, RateLimitStatus};
use crate::server::admission;

/// `GET /rate_limit`
pub(crate) fn rate_limit(context: &Context<'_>) -> HttpResponse {
    let rate_limit_status = |resource| {
        let rate_limit_account = admission::rate_limit_account(context.state, context.token, resource);
        overview(&context.state.rate_limits().rate_limit_status(&rate_limit_account, context.now))
    };
    let (core, graphql) = (rate_limit_status("core"), rate_limit_status("graphql"));
    let untouched = |limit: u32, seconds: i64| json!({"limit": limit, "used": 0, "remaining": limit, "reset": context.now.as_second() + seconds});
    let RateLimitAccount { limit, .. } = admission::rate_limit_account(context.state, context.token, "core");
    HttpResponse::ok(&json!({
        "resources": {
            "core": core,
            "search": untouched(if context.token.is_some() { 30 } else { 10 }, 60),
            "graphql": graphql,
            "integration_manifest": untouched(limit, 3_600),
        },
        "rate": core,
    }))
}

fn overview(rate_limit_status: &RateLimitStatus) -> Value {
    json!({
        "limit": rate_limit_status.limit,
        "used": rate_limit_status.used,
        "remaining": rate_limit_status.remaining(),
        "reset": rate_limit_status.reset,
    })
}

/// `GET /meta`
pub(crate) fn meta() -> HttpResponse {
    HttpResponse::ok(&json!({
        "verifiable_password_authentication": false,
        "api": ["127.0.0.0/8"],
        "web": ["127.0.0.0/8"],
        "hooks": ["127.0.0.0/8"],
    }))
}

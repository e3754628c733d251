//! `/rate_limit` and `/meta`.

use serde_json::{Value, json};

use crate::context::Context;
use crate::ledger::{Balance, Payer};
use crate::reply::Reply;
use crate::server::admission;

/// `GET /rate_limit`
pub(crate) fn rate_limit(context: &Context<'_>) -> Reply {
    let balance = |resource| {
        let payer = admission::payer(context.shared, context.token, resource);
        overview(&context.shared.ledger().balance(&payer, context.now))
    };
    let (core, graphql) = (balance("core"), balance("graphql"));
    let untouched = |limit: u32, seconds: i64| json!({"limit": limit, "used": 0, "remaining": limit, "reset": context.now.as_second() + seconds});
    let Payer { limit, .. } = admission::payer(context.shared, context.token, "core");
    Reply::ok(&json!({
        "resources": {
            "core": core,
            "search": untouched(if context.token.is_some() { 30 } else { 10 }, 60),
            "graphql": graphql,
            "integration_manifest": untouched(limit, 3_600),
        },
        "rate": core,
    }))
}

fn overview(balance: &Balance) -> Value {
    json!({
        "limit": balance.limit,
        "used": balance.used,
        "remaining": balance.remaining(),
        "reset": balance.reset,
    })
}

/// `GET /meta`
pub(crate) fn meta() -> Reply {
    Reply::ok(&json!({
        "verifiable_password_authentication": false,
        "api": ["127.0.0.0/8"],
        "web": ["127.0.0.0/8"],
        "hooks": ["127.0.0.0/8"],
    }))
}

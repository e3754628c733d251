//! Breaking actors on purpose.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use github_stats_actors::supervision::{Fault, InjectError};
use serde::Deserialize;
use serde_json::json;

use crate::http::State;
use crate::http::problem::Problem;

#[derive(Deserialize)]
struct Order {
    mode: String,
}

/// Breaks the actor of this name in the way `mode` says.
pub(in crate::http) async fn break_actor(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let bad_request = |message: String| Problem::new(StatusCode::BAD_REQUEST, message);
    let order = web::Query::<Order>::from_query(request.query_string())
        .map_err(|_| bad_request("say how: ?mode=panic, hang or stop".into()))?;
    let fault: Fault = order.mode.parse().map_err(|error| bad_request(format!("{error}")))?;
    let Some(root) = state.sources.tree.get() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the supervision tree is not started"));
    };
    root.inject(id.as_str(), fault).map_err(|error| {
        let status = match &error {
            InjectError::UnknownActor(_) => StatusCode::NOT_FOUND,
            InjectError::NotRunning(_) => StatusCode::CONFLICT,
        };
        Problem::new(status, error.to_string())
    })?;
    tracing::warn!(actor = %id, %fault, "an operator breaks an actor");
    Ok(HttpResponse::Accepted().json(json!({ "actor": id.as_str(), "mode": fault.to_string() })))
}

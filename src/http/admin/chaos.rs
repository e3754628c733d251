//! Fault injection.

use actix_supervisor::{Fault, InjectError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::admin_api::InjectedFault;
use crate::http::AppState;
use crate::http::problem::Problem;

#[derive(Deserialize)]
struct FaultQuery {
    mode: String,
}

/// Injects the fault `mode` into the actor with this id.
pub(in crate::http) async fn break_actor(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let bad_request = |message: String| Problem::new(StatusCode::BAD_REQUEST, message);
    let query = web::Query::<FaultQuery>::from_query(request.query_string())
        .map_err(|_| bad_request("say which fault to inject: ?mode=panic, hang or stop".into()))?;
    let fault: Fault = query.mode.parse().map_err(|error| bad_request(format!("{error}")))?;
    let Some(root) = state.replica.tree.get() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the supervision tree is not started"));
    };
    root.inject(id.as_str(), fault).map_err(|error| {
        let status = match &error {
            InjectError::UnknownActor(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        Problem::new(status, error.to_string())
    })?;
    tracing::warn!(actor = %id, %fault, "an operator injects a fault into an actor");
    Ok(HttpResponse::Accepted().json(InjectedFault { actor: id.into_inner(), mode: fault.to_string() }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;
    use crate::http::testing::{TestResponse, ask, fresh, get, restarted, with_token, with_tree};

    async fn inject(state: &AppState, path: &str) -> TestResponse {
        let request = TestRequest::post().uri(&format!("/api/admin/chaos/actors/{path}"));
        ask(state, request.insert_header(("authorization", "Bearer t"))).await
    }

    fn with_chaos() -> AppState {
        let mut state = with_token(fresh(), "t");
        state.admin.chaos = true;
        state
    }

    #[actix::test]
    async fn an_actor_with_a_fault_is_restarted_and_the_tree_shows_it() {
        let (state, root) = with_tree(with_chaos()).await;
        for path in ["store?mode=panic", "org/acme.v2?mode=stop", "org%2Facme.v2?mode=stop"] {
            let id = path.split('?').next().unwrap().replace("%2F", "/");
            let answer = inject(&state, path).await;
            assert_eq!((answer.status, answer.json()["actor"].as_str()), (202, Some(id.as_str())), "{path}");
            restarted(&root, &id).await;
        }
        let request =
            TestRequest::get().uri("/api/admin/actors").insert_header(("authorization", "Bearer t"));
        let tree = ask(&state, request).await.json();
        let store = tree["actors"].as_array().unwrap().iter().find(|actor| actor["id"] == "store").unwrap();
        assert_eq!((&store["parent"], &store["state"]), (&json!("root"), &json!("running")));
        assert_eq!((&store["incarnation"], &store["restarts"]), (&json!(2), &json!(1)));
        assert_eq!(store["last_exit"], "panicked: injected fault");
        assert!(store["mailbox_depth"].is_u64() && store["seconds_since_heartbeat"].is_f64());
        let page = get(&state, "/metrics").await;
        assert!(page.text().contains(
            "gh_exporter_actor_restarts_total{replica=\"replica-0\",actor=\"store\",reason=\"panic\"} 1\n"
        ));
    }

    #[actix::test]
    async fn invalid_faults_are_refused() {
        let (state, _root) = with_tree(with_chaos()).await;
        for (path, status) in [
            ("nobody?mode=panic", 404),
            ("store?mode=maim", 400),
            ("store", 400),
            ("store?mode=", 400),
            ("?mode=panic", 404),
        ] {
            assert_eq!(inject(&state, path).await.status, status, "{path}");
        }
        let get = TestRequest::get().uri("/api/admin/chaos/actors/store?mode=panic");
        let answer = ask(&state, get.insert_header(("authorization", "Bearer t"))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
        let anonymous = TestRequest::post().uri("/api/admin/chaos/actors/store?mode=panic");
        assert_eq!(ask(&state, anonymous).await.status, 401);
    }

    #[actix::test]
    async fn the_route_exists_only_if_chaos_is_enabled() {
        let (state, root) = with_tree(with_token(fresh(), "t")).await;
        assert_eq!(inject(&state, "store?mode=panic").await.status, 404);
        assert_eq!(root.tree().actor("store").unwrap().incarnation, 1);
    }
}

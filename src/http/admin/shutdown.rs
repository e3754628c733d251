//! Stopping a replica.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::http::AppState;

/// Asks the process to stop as SIGTERM does; answered at once.
pub(in crate::http) async fn shut_down(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let by = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    tracing::info!(target: "audit", action = "shutdown", by, "this replica is stopped");
    state.admin.shutdown.notify_one();
    HttpResponse::Accepted().json(json!({ "replica": state.replica.name, "status": "stopping" }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures::FutureExt;

    use crate::http::testing::{ask, fresh, with_token};

    #[actix::test]
    async fn only_an_operators_post_stops_a_replica() {
        let state = with_token(fresh(), "t");
        let stopped = || state.admin.shutdown.notified().now_or_never().is_some();
        let authorized = ("authorization", "Bearer t");
        for (request, status) in [
            (TestRequest::post(), 401),
            (TestRequest::get().insert_header(authorized), 405),
            (TestRequest::post().insert_header(authorized), 202),
        ] {
            assert_eq!(ask(&state, request.uri("/api/admin/shutdown")).await.status, status);
            assert_eq!(stopped(), status == 202);
        }
    }
}

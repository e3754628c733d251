//! Stopping a replica.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::admin_api::ShutdownAnswer;
use crate::http::AppState;

/// Stop this replica as SIGTERM does
#[utoipa::path(
    post,
    path = "/shutdown",
    operation_id = "shutDown",
    responses((status = 202, description = "The replica is stopping.", body = ShutdownAnswer))
)]
pub(in crate::http) async fn shut_down(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let by = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    tracing::info!(target: "audit", action = "shutdown", by, "an operator stops this replica");
    state.admin.shutdown.notify_one();
    let replica = state.replica.name.clone();
    HttpResponse::Accepted().json(ShutdownAnswer { replica, status: "stopping".into() })
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

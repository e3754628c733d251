//! `/livez`: whether the process can make progress.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::AppState;

/// 200 while the root supervisor has a heartbeat; otherwise the platform restarts the process.
pub(super) async fn live(state: web::Data<AppState>) -> HttpResponse {
    let exit = state.replica.tree.get().and_then(|root| root.exit());
    match state.health().not_alive_because(exit.as_ref(), state.liveness_limit) {
        None => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Some(reason) => {
            HttpResponse::ServiceUnavailable().json(json!({ "status": "dead", "reason": reason }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::http::testing::{fresh, get, with_tree};

    #[actix::test]
    async fn the_process_is_alive_while_its_tree_is() {
        for path in ["/livez", "/health/live"] {
            let answer = get(&fresh(), path).await;
            assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("dead")));
            let (state, root) = with_tree(fresh()).await;
            let answer = get(&state, path).await;
            assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ok")));
            root.shutdown(Duration::from_secs(5)).await;
            assert_eq!(get(&state, path).await.status, 503);
        }
    }
}

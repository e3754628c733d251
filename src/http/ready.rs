//! `/readyz`: whether this replica can serve metrics.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::AppState;

/// 200 from the first numbers on until the replica shuts down. Degraded components do not matter here.
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let health = state.health();
    let mut response = match health.ready {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    response.json(json!({
        "ready": health.ready,
        "mode": health.mode,
        "role": health.role,
        "reason": health.not_ready,
    }))
}

#[cfg(test)]
mod tests {
    use github_stats_actors::health::{HealthSnapshot, Status};
    use serde_json::json;

    use crate::exposition::testing::snapshot;
    use crate::http::testing::{fresh, get, publish};

    #[actix::test]
    async fn a_replica_is_ready_from_its_first_numbers_until_it_goes_down() {
        let state = fresh();
        let answer = get(&state, "/readyz").await;
        assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("no numbers were loaded yet")));
        publish(&state, snapshot(Vec::new()));
        assert_eq!(get(&state, "/readyz").await.status, 503);
        state.replica.health.set(HealthSnapshot { ready: true, ..HealthSnapshot::starting() });
        for path in ["/readyz", "/health/ready"] {
            let answer = get(&state, path).await;
            let body = json!({ "ready": true, "mode": Status::Degraded, "role": "follower", "reason": null });
            assert_eq!((answer.status, answer.json()), (200, body));
        }
        state.replica.begin_draining();
        let answer = get(&state, "/readyz").await;
        assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("going down")));
    }
}

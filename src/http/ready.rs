//! `/readyz`: whether this replica can serve metrics.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use github_stats_actors::health::HealthSnapshot;
use serde_json::json;

use super::AppState;

/// 200 once there are numbers to serve and until the replica goes down. What is degraded does not matter here.
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let health = state.health();
    let obstacle = obstacle(&state, &health);
    let mut response = match obstacle {
        None => HttpResponse::Ok(),
        Some(_) => HttpResponse::ServiceUnavailable(),
    };
    response.json(json!({
        "ready": obstacle.is_none(),
        "mode": health.mode,
        "role": health.role,
        "reason": obstacle,
    }))
}

/// Why this replica cannot serve, if so. Draining is read from its source: it must show at once.
pub(super) fn obstacle(state: &AppState, health: &HealthSnapshot) -> Option<String> {
    if state.sources.draining.load(Ordering::Acquire) {
        return Some("going down".into());
    }
    if state.activity.latest().is_none() {
        let store = health.components.get("store").map(|store| store.detail.as_str());
        return Some(
            store.filter(|detail| !detail.is_empty()).unwrap_or("no numbers were loaded yet").into(),
        );
    }
    (!health.ready).then(|| "not assessed as ready yet".into())
}

#[cfg(test)]
mod tests {
    use github_stats_actors::health::Status;
    use serde_json::json;

    use super::*;
    use crate::exposition::testing::snapshot;
    use crate::http::testing::{fresh, get, publish};

    #[actix::test]
    async fn a_replica_is_ready_from_its_first_numbers_until_it_goes_down() {
        let state = fresh();
        let answer = get(&state, "/readyz").await;
        assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("no numbers were loaded yet")));
        publish(&state, snapshot(Vec::new()));
        assert_eq!(get(&state, "/readyz").await.status, 503);
        state.sources.health.set(HealthSnapshot { ready: true, ..HealthSnapshot::starting() });
        for path in ["/readyz", "/health/ready"] {
            let answer = get(&state, path).await;
            let body = json!({ "ready": true, "mode": Status::Degraded, "role": "follower", "reason": null });
            assert_eq!((answer.status, answer.json()), (200, body));
        }
        state.sources.draining.store(true, Ordering::Release);
        let answer = get(&state, "/readyz").await;
        assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("going down")));
    }
}

//! `/healthz`: the health of this replica.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use github_stats_actors::activity::OrgName;
use github_stats_actors::health::{Component, HealthSnapshot, Status};
use github_stats_actors::role::{Epoch, Role};
use github_stats_actors::scheduler::OrgStatus;
use serde::Serialize;

use super::AppState;
use crate::admin_api::{ActorCounts, ActorReport};
use crate::human;

/// The answer of `/healthz`.
#[derive(Serialize)]
struct HealthResponse<'a> {
    mode: Status,
    role: Role,
    epoch: Option<Epoch>,
    ready: bool,
    version: &'a str,
    revision: &'a str,
    replica: &'a str,
    /// When the mode and the components were assessed.
    at: Option<String>,
    components: BTreeMap<&'a str, ComponentReport<'a>>,
    organisations: &'a BTreeMap<OrgName, OrgStatus>,
    actors: ActorCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<Vec<ActorReport>>,
    /// The rate limiters by organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct ComponentReport<'a> {
    status: Status,
    since: Option<String>,
    detail: &'a str,
    /// When it was last reported; `null` before the first report.
    reported_at: Option<String>,
}

/// The essentials, or everything with `?full=1`.
pub(super) async fn health(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let full = request.query_string().split('&').any(|pair| matches!(pair, "full" | "full=1" | "full=true"));
    respond(&state, full)
}

/// Everything.
pub(super) async fn detailed(state: web::Data<AppState>) -> HttpResponse {
    respond(&state, true)
}

fn respond(state: &AppState, full: bool) -> HttpResponse {
    let health = state.health();
    let report = report(state, &health, full);
    match report.mode {
        Status::Unknown | Status::Healthy | Status::Degraded => HttpResponse::Ok().json(report),
        Status::Unhealthy => HttpResponse::ServiceUnavailable().json(report),
    }
}

fn report<'a>(state: &'a AppState, health: &'a HealthSnapshot, full: bool) -> HealthResponse<'a> {
    let tree = &health.actors;
    let build = state.metrics.build();
    let components = health.components.iter();
    HealthResponse {
        mode: health.mode,
        role: health.role,
        epoch: health.epoch,
        ready: health.ready,
        version: &build.version,
        revision: &build.revision,
        replica: &state.replica.name,
        at: human::instant(health.at),
        components: components.map(|(name, component)| (*name, component_report(component))).collect(),
        organisations: &health.organisations,
        actors: ActorCounts::of(tree),
        quotas: full.then(|| (state.replica.quotas)()),
        tree: full.then(|| tree.actors.iter().map(ActorReport::of).collect()),
    }
}

fn component_report(component: &Component) -> ComponentReport<'_> {
    ComponentReport {
        status: component.status,
        since: human::instant(component.since),
        detail: &component.detail,
        reported_at: component.reported.and_then(human::instant),
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::activity::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::http::testing::{fresh, get, with_tree};

    fn degraded(mode: Status) -> HealthSnapshot {
        let since = Timestamp::from_unix(1_800_000_000);
        let component =
            Component { status: mode, since, detail: "the queue is unavailable".into(), reported: None };
        HealthSnapshot {
            mode,
            components: BTreeMap::from([("queue", component)]),
            ..HealthSnapshot::starting()
        }
    }

    #[actix::test]
    async fn the_report_has_every_documented_field() {
        let (state, _root) = with_tree(fresh()).await;
        state.replica.health.set(degraded(Status::Degraded));
        for path in ["/healthz", "/health"] {
            let answer = get(&state, path).await;
            assert_eq!(answer.status, 200);
            let report = answer.json();
            assert_eq!(report["mode"], "degraded");
            assert_eq!(report["role"], "follower");
            assert_eq!((&report["epoch"], &report["ready"]), (&json!(null), &json!(false)));
            assert_eq!((&report["version"], &report["replica"]), (&json!("1.2.3"), &json!("replica-0")));
            let queue = json!({
                "status": "degraded", "since": "2027-01-15T08:00:00Z", "detail": "the queue is unavailable",
                "reported_at": null
            });
            assert_eq!(report["components"]["queue"], queue);
            assert_eq!(report["actors"], json!({ "up": 3, "total": 3, "restarts": 0 }));
            assert!(report["organisations"].is_object() && report.get("tree").is_none());
            assert!(report.get("quotas").is_none());
        }
    }

    #[actix::test]
    async fn details_are_added_on_request() {
        let (state, _root) = with_tree(fresh()).await;
        for path in ["/healthz?full=1", "/health?x=y&full=1", "/health/detailed"] {
            let report = get(&state, path).await.json();
            assert_eq!(report["tree"][0]["id"], "root");
            assert_eq!(report["tree"][1]["parent"], "root");
            assert_eq!(report["quotas"]["acme"]["waiting"], false);
        }
    }

    #[actix::test]
    async fn only_unhealthy_is_an_error() {
        let state = fresh();
        state.replica.health.set(degraded(Status::Unhealthy));
        assert_eq!(get(&state, "/healthz").await.status, 503);
    }
}

//! Everything a replica knows of itself and its surroundings, on one page.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::health::{HealthSnapshot, Status as Mode};
use github_stats_actors::maintenance::pause_of;
use github_stats_actors::role::{Epoch, RoleWatch, Shard};
use serde::Serialize;
use serde_json::{Value, json};

use super::maintenance::{PauseReport, told};
use crate::http::AppState;
use crate::http::health::{ActorsSummary, component_report, summary};
use crate::human;
use crate::replica::OrgReport;
use crate::telemetry::{memory_limit, resident_memory};

/// The page.
#[derive(Serialize)]
struct Report {
    replica: String,
    version: String,
    revision: String,
    /// GitHub's time.
    at: Option<String>,
    uptime_seconds: Option<f64>,
    mode: Mode,
    role: &'static str,
    epoch: Option<Epoch>,
    ready: bool,
    /// Why it is not ready.
    reason: Option<String>,
    store: Value,
    queue: Value,
    election: Value,
    github: Value,
    clock: Value,
    memory: Value,
    disk: Option<Value>,
    maintenance: Vec<PauseReport>,
    /// As the leader knows them.
    organisations: BTreeMap<String, Value>,
    fleet: Value,
    actors: ActorsSummary,
}

/// Tells it all. What the leader alone knows is told as it told it, so every replica answers the same.
pub(in crate::http) async fn status(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(report(&state))
}

fn report(state: &AppState) -> Report {
    let (health, replica) = (state.health(), &state.replica);
    let now = replica.clock.now();
    let epoch = health.epoch;
    let (build, tree) = (state.metrics.build(), &health.actors);
    Report {
        replica: replica.name.clone(),
        version: build.version.clone(),
        revision: build.revision.clone(),
        at: human::instant(now),
        uptime_seconds: tree.actors.first().and_then(|root| root.uptime_seconds),
        mode: health.mode,
        role: role(epoch),
        epoch,
        ready: health.ready,
        reason: health.not_ready.clone(),
        store: store(state, &health),
        queue: queue(state, &health, now),
        election: election(state, &health),
        github: component(&health, "github"),
        clock: json!({
            "correction_seconds": replica.clock.correction_ms() as f64 / 1000.0,
            "known_from_github": replica.clock.latest_answer().is_some(),
        }),
        memory: json!({ "resident_bytes": resident_memory(), "limit_bytes": memory_limit() }),
        disk: (*replica.disk.get())
            .map(|space| json!({ "free_bytes": space.free, "total_bytes": space.total })),
        maintenance: told(state),
        organisations: organisations(state, now),
        fleet: fleet(state, epoch),
        actors: summary(tree),
    }
}

fn role(epoch: Option<Epoch>) -> &'static str {
    if epoch.is_some() { "leader" } else { "follower" }
}

/// How a component of the health snapshot is; nothing of one that nobody looked at.
fn component(health: &HealthSnapshot, name: &str) -> Value {
    health.components.get(name).map_or(Value::Null, |component| json!(component_report(component)))
}

/// The object `of` with the fields of `more`.
fn with(mut of: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (of.as_object_mut(), more) {
        fields.extend(more);
        return of;
    }
    of
}

fn store(state: &AppState, health: &HealthSnapshot) -> Value {
    let store = state.replica.store.get();
    let connections = state.replica.connections.as_ref().map(|count| count());
    let known = json!({
        "loaded": store.loaded,
        "records": store.records,
        "series": state.replica.activity.counts().total(),
        "series_refused": store.refused,
        "cut_off": store.cut_off,
        "connections": connections.map(|(open, wanted)| json!({ "open": open, "wanted": wanted })),
    });
    with(known, component(health, "store"))
}

fn queue(state: &AppState, health: &HealthSnapshot, now: Timestamp) -> Value {
    let queue = state.replica.queue.get();
    let stats = &queue.stats;
    let known = json!({
        "depth": stats.depth,
        "oldest_age_seconds": stats.oldest.map(|oldest| now.seconds_since(oldest).max(0)),
        "dead_letters": stats.dead,
        "lag_seconds": queue.lag_seconds,
        "outbox": queue.status.outbox,
        "broker": queue.status.broker,
    });
    with(known, component(health, "queue"))
}

fn election(state: &AppState, health: &HealthSnapshot) -> Value {
    let roles = &state.replica.roles;
    let view = roles.get();
    let known = json!({
        "backend": view.basis.backend,
        "reason": view.basis.reason,
        "leader": view.leader,
        "stands_in": view.stands_in,
        "last_error": view.last_error,
        "shards": roles.iter().map(shard).collect::<Vec<_>>(),
    });
    with(known, component(health, "election"))
}

/// How this replica stands in one shard, and who leads it.
fn shard((shard, role): (Shard, &RoleWatch)) -> Value {
    let epoch = role.leads();
    json!({ "shard": shard.number(), "role": self::role(epoch), "epoch": epoch, "leader": role.get().leader })
}

fn organisations(state: &AppState, now: Timestamp) -> BTreeMap<String, Value> {
    let quotas = (state.replica.quotas)();
    let pauses = state.replica.pauses.get();
    let told = state.replica.organisations().into_iter().map(|(name, org)| {
        let pause = pause_of(&pauses, &OrgName::from(name.as_str()), now);
        let more = json!({
            "paused_until": pause.and_then(|pause| human::instant(pause.until)),
            "quota": quotas.get(&name),
        });
        let told = with(organisation(&org, now), more);
        (name, told)
    });
    told.collect()
}

fn organisation(org: &OrgReport, now: Timestamp) -> Value {
    let instant = |at: Option<Timestamp>| at.and_then(human::instant);
    json!({
        "state": org.state,
        "cooldown_until": instant(org.cooldown_until),
        "scraping": org.scraping,
        "interval_seconds": org.interval_seconds,
        "last_due": instant(org.last_due),
        "next_due": instant(org.next_due),
        "last_cycle": {
            "at": instant(org.last_cycle_at),
            "result": org.last_result,
            "repositories": org.repositories,
            "failed": org.failed,
            "error": org.last_error,
        },
        "coverage_ratio": org.coverage_ratio,
        "freshness_seconds": org.freshness(now),
    })
}

fn fleet(state: &AppState, epoch: Option<Epoch>) -> Value {
    let one = |replica: &str, epoch: Option<Epoch>| json!({ "replica": replica, "role": role(epoch), "epoch": epoch });
    let own = one(&state.replica.name, epoch);
    let peers = state.replica.peers.list();
    let replicas: Vec<Value> =
        std::iter::once(own).chain(peers.iter().map(|peer| one(&peer.replica, peer.epoch))).collect();
    json!({ "replicas": replicas })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::testing::{ask, fresh, with_org, with_token, with_tree};

    #[actix::test]
    async fn one_page_tells_everything_promised() {
        let (state, _root) = with_tree(with_org(with_token(fresh(), "t"), "acme")).await;
        let request =
            TestRequest::get().uri("/api/admin/status").insert_header(("authorization", "Bearer t"));
        let answer = ask(&state, request).await;
        let status = answer.json();
        assert_eq!(answer.status, 200);
        assert_eq!((&status["replica"], &status["version"]), (&json!("replica-0"), &json!("1.2.3")));
        assert_eq!((&status["role"], &status["ready"]), (&json!("follower"), &json!(false)));
        assert!(status["reason"].is_string() && status["uptime_seconds"].is_f64(), "{status}");
        assert_eq!(status["disk"], json!({ "free_bytes": 1_u64 << 30, "total_bytes": 1_u64 << 31 }));
        assert_eq!(status["actors"], json!({ "up": 3, "total": 3, "restarts": 0 }));
        assert_eq!(status["fleet"]["replicas"][0]["replica"], "replica-0");
        let acme = &status["organisations"]["acme"];
        assert_eq!((&acme["state"], &acme["interval_seconds"]), (&json!("healthy"), &json!(300.0)));
        assert_eq!(
            (&acme["next_due"], &acme["quota"]["waiting"]),
            (&json!("2027-01-15T08:04:00Z"), &json!(false))
        );
        assert_eq!((&acme["coverage_ratio"], &acme["freshness_seconds"]), (&json!(1.0), &json!(61)));
        for (part, field) in [
            ("store", "loaded"),
            ("queue", "depth"),
            ("election", "backend"),
            ("memory", "resident_bytes"),
            ("clock", "correction_seconds"),
        ] {
            assert!(!status[part][field].is_null(), "{part}.{field}: {status}");
        }
    }
}

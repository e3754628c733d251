//! The current state of a replica, on one page.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::health::{Component, HealthSnapshot, Status};
use github_stats_actors::maintenance::pause_of;
use github_stats_actors::role::{Epoch, RoleWatch, Shard};

use super::maintenance::current_pauses;
use crate::admin_api::{
    ActorCounts, BrokerConnection, ClockSummary, ComponentFields, ComponentSummary, ConnectionCounts,
    CycleSummary, DiskSummary, ElectionSummary, FleetSummary, HealthMode, MemorySummary, OrganisationSummary,
    QueueSummary, ReplicaRole, ReplicaSummary, ShardSummary, StatusReport, StoreSummary,
};
use crate::http::AppState;
use crate::human;
use crate::replica::OrgReport;
use crate::telemetry::{memory_limit, resident_memory};

/// The current state of this replica
///
/// What only the leader knows is reported as the leader last shared it, so every replica answers
/// the same.
#[utoipa::path(
    get,
    path = "/status",
    responses((status = 200, description = "The current state.", body = StatusReport))
)]
pub(in crate::http) async fn status(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(report(&state))
}

fn report(state: &AppState) -> StatusReport {
    let (health, replica) = (state.health(), &state.replica);
    let now = replica.clock.now();
    let epoch = health.epoch.map(number);
    let (build, tree) = (state.metrics.build(), &health.actors);
    StatusReport {
        replica: replica.name.clone(),
        version: build.version.clone(),
        revision: build.revision.clone(),
        at: human::instant(now),
        uptime_seconds: tree.actors.first().and_then(|root| root.uptime_seconds),
        mode: mode(health.mode),
        role: ReplicaRole::of(epoch),
        epoch,
        ready: health.ready,
        reason: health.not_ready.clone(),
        store: store(state, &health),
        queue: queue(state, &health, now),
        election: election(state, &health),
        github: health.components.get("github").map(component),
        clock: ClockSummary {
            correction_seconds: replica.clock.correction_ms() as f64 / 1000.0,
            known_from_github: replica.clock.latest_response().is_some(),
        },
        memory: MemorySummary { resident_bytes: resident_memory(), limit_bytes: memory_limit() },
        disk: (*replica.disk.get())
            .map(|space| DiskSummary { free_bytes: space.free, total_bytes: space.total }),
        maintenance: current_pauses(state),
        organisations: organisations(state, now),
        fleet: fleet(state, epoch),
        actors: ActorCounts::of(tree),
    }
}

fn number(epoch: Epoch) -> u64 {
    epoch.0
}

fn mode(status: Status) -> HealthMode {
    match status {
        Status::Unknown => HealthMode::Unknown,
        Status::Healthy => HealthMode::Healthy,
        Status::Degraded => HealthMode::Degraded,
        Status::Unhealthy => HealthMode::Unhealthy,
    }
}

fn component(component: &Component) -> ComponentSummary {
    ComponentSummary {
        status: mode(component.status),
        since: human::instant(component.since),
        detail: component.detail.clone(),
    }
}

/// The assessment of a component; empty until it was assessed.
fn component_fields(health: &HealthSnapshot, name: &str) -> ComponentFields {
    let Some(component) = health.components.get(name) else { return ComponentFields::default() };
    ComponentFields {
        status: Some(mode(component.status)),
        since: human::instant(component.since),
        detail: Some(component.detail.clone()),
    }
}

fn store(state: &AppState, health: &HealthSnapshot) -> StoreSummary {
    let store = state.replica.store.get();
    let connections = state.replica.connections.as_ref().map(|count| count());
    StoreSummary {
        loaded: store.loaded,
        records: store.records,
        series: state.replica.activity.counts().total(),
        series_refused: store.refused,
        cut_off: store.cut_off.clone(),
        connections: connections.map(|(open, wanted)| ConnectionCounts { open, wanted }),
        component: component_fields(health, "store"),
    }
}

fn queue(state: &AppState, health: &HealthSnapshot, now: Timestamp) -> QueueSummary {
    let queue = state.replica.queue.get();
    let (stats, status) = (&queue.stats, &queue.status);
    QueueSummary {
        depth: stats.depth,
        oldest_age_seconds: stats.oldest.map(|oldest| now.seconds_since(oldest).max(0)),
        dead_letters: stats.dead,
        lag_seconds: queue.lag_seconds,
        outbox: status.outbox,
        broker: status
            .broker
            .as_ref()
            .map(|broker| BrokerConnection { connected: broker.connected, detail: broker.detail.clone() }),
        component: component_fields(health, "queue"),
    }
}

fn election(state: &AppState, health: &HealthSnapshot) -> ElectionSummary {
    let roles = &state.replica.roles;
    let view = roles.get();
    ElectionSummary {
        backend: view.basis.backend.to_owned(),
        reason: view.basis.reason.clone(),
        leader: view.leader.clone(),
        stands_in: view.leads_without_election,
        last_error: view.last_error.clone(),
        shards: roles.iter().map(shard).collect(),
        component: component_fields(health, "election"),
    }
}

fn shard((shard, role): (Shard, &RoleWatch)) -> ShardSummary {
    let epoch = role.leads().map(number);
    let leader = role.get().leader.clone();
    ShardSummary { shard: shard.number(), role: ReplicaRole::of(epoch), epoch, leader }
}

fn organisations(state: &AppState, now: Timestamp) -> BTreeMap<String, OrganisationSummary> {
    let quotas = (state.replica.quotas)();
    let pauses = state.replica.pauses.get();
    let summaries = state.replica.organisations().into_iter().map(|(name, org)| {
        let pause = pause_of(&pauses, &OrgName::from(name.as_str()), now);
        let summary = OrganisationSummary {
            paused_until: pause.and_then(|pause| human::instant(pause.until)),
            quota: quotas.get(&name).cloned(),
            ..organisation(&org, now)
        };
        (name, summary)
    });
    summaries.collect()
}

fn organisation(org: &OrgReport, now: Timestamp) -> OrganisationSummary {
    let instant = |at: Option<Timestamp>| at.and_then(human::instant);
    OrganisationSummary {
        state: org.state.clone(),
        cooldown_until: instant(org.cooldown_until),
        scraping: org.scraping,
        interval_seconds: org.interval_seconds,
        last_due: instant(org.last_due),
        next_due: instant(org.next_due),
        last_cycle: CycleSummary {
            at: instant(org.last_cycle_at),
            result: org.last_result.clone(),
            repositories: org.repositories,
            failed: org.failed,
            error: org.last_error.clone(),
        },
        coverage_ratio: org.coverage_ratio,
        freshness_seconds: org.freshness(now),
        paused_until: None,
        quota: None,
    }
}

fn fleet(state: &AppState, epoch: Option<u64>) -> FleetSummary {
    let replica =
        |name: &str, epoch| ReplicaSummary { replica: name.to_owned(), role: ReplicaRole::of(epoch), epoch };
    let own = replica(&state.replica.name, epoch);
    let peers = state.replica.peers.list();
    let peers = peers.iter().map(|peer| replica(&peer.replica, peer.epoch.map(number)));
    FleetSummary { replicas: std::iter::once(own).chain(peers).collect() }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use crate::http::testing::{ask, fresh, with_org, with_token, with_tree};

    #[actix::test]
    async fn one_page_shows_everything_promised() {
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

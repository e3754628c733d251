//! The tree as operators see it.

use actix_supervisor::{ActorId, ActorSnapshot, ActorState, ChildKind, RestartCounts};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use crate::http::AppState;

/// One actor.
#[derive(Serialize)]
pub(in crate::http) struct ActorReport {
    id: ActorId,
    parent: Option<ActorId>,
    kind: ChildKind,
    state: ActorState,
    incarnation: u64,
    restarts: u64,
    restarts_by_reason: RestartCounts,
    last_exit: Option<String>,
    mailbox_depth: usize,
    lost_messages: u64,
    seconds_since_heartbeat: Option<f64>,
    uptime_seconds: Option<f64>,
}

impl ActorReport {
    pub(in crate::http) fn of(actor: &ActorSnapshot) -> Self {
        ActorReport {
            id: actor.id.clone(),
            parent: actor.parent.clone(),
            kind: actor.kind,
            state: actor.state,
            incarnation: actor.incarnation,
            restarts: actor.restarts.total(),
            restarts_by_reason: actor.restarts.clone(),
            last_exit: actor.last_exit.as_ref().map(ToString::to_string),
            mailbox_depth: actor.mailbox_depth,
            lost_messages: actor.lost_messages,
            seconds_since_heartbeat: actor.heartbeat_age_seconds,
            uptime_seconds: actor.uptime_seconds,
        }
    }
}

/// Lists the tree, parents before their children.
pub(in crate::http) async fn actors(state: web::Data<AppState>) -> HttpResponse {
    let actors: Vec<ActorReport> = state.tree().actors.iter().map(ActorReport::of).collect();
    HttpResponse::Ok().json(json!({ "actors": actors }))
}

//! The rooms of quota as `/healthz` shows them.

use std::sync::Arc;

use github_stats_actors::activity::{OrgName, Timestamp};
use serde_json::{Map, Value, json};

use super::Organisation;
use crate::github::quota::{BudgetState, Room, RoomState};
use crate::telemetry::Quotas;

/// Tells the quota of each organisation, as it is when asked.
pub fn quotas(organisations: &[Organisation]) -> Quotas {
    let rooms: Vec<(OrgName, Arc<Room>)> =
        organisations.iter().map(|made| (made.org.clone(), made.room.clone())).collect();
    Arc::new(move || {
        let states = rooms.iter().map(|(org, room)| (org.to_string(), told(org, &room.state())));
        Value::Object(states.collect::<Map<String, Value>>())
    })
}

/// What concerns one organisation: its own waits, and the room's budgets and holds, which it shares with everybody who
/// has the same credentials.
fn told(org: &OrgName, state: &RoomState) -> Value {
    let own = state.waits.iter().filter(|wait| wait.org == *org);
    let waits: Vec<Value> = own
        .map(|wait| {
            json!({
                "resource": wait.resource.as_str(),
                "purpose": wait.purpose.as_str(),
                "for": wait.reason.as_str(),
                "until": wait.until.and_then(rfc3339),
            })
        })
        .collect();
    let holds = state.holds.iter().map(|(resource, reason, until)| {
        json!({ "resource": resource.as_str(), "for": reason.as_str(), "until": rfc3339(*until) })
    });
    let budgets = state.budgets.iter().map(|(resource, budget)| {
        let BudgetState { limit, remaining, reserved, kept_back } = budget;
        let told = json!({
            "limit": limit, "remaining": remaining, "reserved": reserved, "kept_back": kept_back
        });
        (resource.as_str().to_owned(), told)
    });
    json!({
        "waiting": !waits.is_empty(),
        "waits": waits,
        "holds": holds.collect::<Vec<Value>>(),
        "budgets": budgets.collect::<Map<String, Value>>(),
    })
}

fn rfc3339(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_second(at.as_unix()).ok().map(|at| at.to_string())
}

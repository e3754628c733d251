//! The rooms of quota as `/healthz` shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use github_stats_actors::activity::OrgName;
use serde_json::{Map, Value, json};

use super::Organisation;
use crate::fleet::SharedQuota;
use crate::github::quota::{BudgetState, RateLimiter, RateLimiterReport, RateLimiterState};
use crate::human;
use crate::replica::Quotas;

/// Tells the quota of each organisation, as it is when asked.
pub fn quotas(organisations: &[Organisation]) -> Quotas {
    let rooms: Vec<(OrgName, Arc<RateLimiter>)> =
        organisations.iter().map(|made| (made.org.clone(), made.rate_limiter.clone())).collect();
    Arc::new(move || {
        let states = rooms.iter().map(|(org, room)| (org.to_string(), told(org, &room.state())));
        Value::Object(states.collect::<Map<String, Value>>())
    })
}

/// The rooms as the replicas tell each other of them, by the first organisation that uses each.
pub struct RateLimiters(BTreeMap<String, Arc<RateLimiter>>);

impl RateLimiters {
    /// The rooms of these organisations, each once.
    pub fn of(organisations: &[Organisation]) -> Self {
        let mut rooms: BTreeMap<String, Arc<RateLimiter>> = BTreeMap::new();
        for made in organisations {
            if !rooms.values().any(|known| Arc::ptr_eq(known, &made.rate_limiter)) {
                rooms.insert(made.org.to_string(), made.rate_limiter.clone());
            }
        }
        RateLimiters(rooms)
    }
}

impl SharedQuota for RateLimiters {
    fn report(&self) -> Value {
        let reports: BTreeMap<&String, RateLimiterReport> =
            self.0.iter().map(|(name, room)| (name, room.report())).collect();
        json!(reports)
    }

    fn receive(&self, told: Vec<Value>) {
        // What another version tells otherwise is passed over.
        let told: Vec<BTreeMap<String, RateLimiterReport>> =
            told.into_iter().filter_map(|told| serde_json::from_value(told).ok()).collect();
        for (name, room) in &self.0 {
            let reports: Vec<RateLimiterReport> =
                told.iter().filter_map(|rooms| rooms.get(name).cloned()).collect();
            room.hear(&reports);
        }
    }
}

/// What concerns one organisation: its own waits, and the room's budgets and holds, which it shares with everybody who
/// has the same credentials.
fn told(org: &OrgName, state: &RateLimiterState) -> Value {
    let own = state.waits.iter().filter(|wait| wait.org == *org);
    let waits: Vec<Value> = own
        .map(|wait| {
            json!({
                "resource": wait.resource.as_str(),
                "purpose": wait.purpose.as_str(),
                "for": wait.reason.as_str(),
                "until": wait.until.and_then(human::instant),
            })
        })
        .collect();
    let holds = state.holds.iter().map(|(resource, reason, until)| {
        json!({ "resource": resource.as_str(), "for": reason.as_str(), "until": human::instant(*until) })
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

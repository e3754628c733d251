//! The rate limiters as `/healthz` reports them, and as the replicas report them to each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use github_stats_actors::activity::OrgName;
use serde_json::{Map, Value, json};

use super::Organisation;
use crate::fleet::SharedQuota;
use crate::github::quota::{BudgetState, RateLimiter, RateLimiterReport, RateLimiterState};
use crate::human;
use crate::replica::Quotas;

/// A function that returns the current quota status of each organisation as JSON.
pub fn quotas(organisations: &[Organisation]) -> Quotas {
    let limiters: Vec<(OrgName, Arc<RateLimiter>)> = organisations
        .iter()
        .map(|organisation| (organisation.org.clone(), organisation.rate_limiter.clone()))
        .collect();
    Arc::new(move || {
        let states =
            limiters.iter().map(|(org, limiter)| (org.to_string(), quota_json(org, &limiter.state())));
        Value::Object(states.collect::<Map<String, Value>>())
    })
}

/// The distinct rate limiters, each under the name of the first organisation that uses it.
pub struct RateLimiters(BTreeMap<String, Arc<RateLimiter>>);

impl RateLimiters {
    /// The rate limiters of these organisations, each once.
    pub fn of(organisations: &[Organisation]) -> Self {
        let mut limiters: BTreeMap<String, Arc<RateLimiter>> = BTreeMap::new();
        for Organisation { org, rate_limiter, .. } in organisations {
            if !limiters.values().any(|known| Arc::ptr_eq(known, rate_limiter)) {
                limiters.insert(org.to_string(), rate_limiter.clone());
            }
        }
        RateLimiters(limiters)
    }
}

impl SharedQuota for RateLimiters {
    fn report(&self) -> Value {
        let reports: BTreeMap<&String, RateLimiterReport> =
            self.0.iter().map(|(name, limiter)| (name, limiter.report())).collect();
        json!(reports)
    }

    fn receive(&self, reports: Vec<Value>) {
        // Reports of other versions with another format are ignored.
        let reports: Vec<BTreeMap<String, RateLimiterReport>> =
            reports.into_iter().filter_map(|report| serde_json::from_value(report).ok()).collect();
        for (name, limiter) in &self.0 {
            let reports: Vec<RateLimiterReport> =
                reports.iter().filter_map(|limiters| limiters.get(name).cloned()).collect();
            limiter.merge_reports(&reports);
        }
    }
}

/// The status of one organisation: its own waits, and the budgets and mandated waits that it shares
/// with the other organisations with the same credentials.
fn quota_json(org: &OrgName, state: &RateLimiterState) -> Value {
    let own = state.waits.iter().filter(|wait| wait.org == *org);
    let waits: Vec<Value> = own
        .map(|wait| {
            json!({
                "resource": wait.resource.as_str(),
                "purpose": wait.priority.as_str(),
                "for": wait.reason.as_str(),
                "until": wait.until.and_then(human::instant),
            })
        })
        .collect();
    let mandated = state.mandated_waits.iter().map(|(resource, reason, until)| {
        json!({ "resource": resource.as_str(), "for": reason.as_str(), "until": human::instant(*until) })
    });
    let budgets = state.budgets.iter().map(|(resource, budget)| {
        let BudgetState { limit, remaining, reserved, kept_back } = budget;
        let points = json!({
            "limit": limit, "remaining": remaining, "reserved": reserved, "kept_back": kept_back
        });
        (resource.as_str().to_owned(), points)
    });
    json!({
        "waiting": !waits.is_empty(),
        "waits": waits,
        "holds": mandated.collect::<Vec<Value>>(),
        "budgets": budgets.collect::<Map<String, Value>>(),
    })
}

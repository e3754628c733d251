//! The control endpoints under `/_sim/`, for tests in other processes.

use std::io;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

use crate::fault::ApiFault;
use crate::ground_truth::{ExpectedFact, GroundTruth};
use crate::query_string::QueryString;
use crate::request_log::RequestRecord;
use crate::stamp;
use crate::state::SimulatorState;

/// Path prefix of the control endpoints.
pub(crate) const PREFIX: &str = "/_sim/";

/// Default window in which a user counts as active, in seconds: seven days.
const ACTIVE_WINDOW: u64 = 7 * 86_400;

/// Answers a request to a control endpoint.
pub(crate) async fn answer(
    state: &SimulatorState,
    request: Request<Incoming>,
) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let query = QueryString::parse(parts.uri.query().unwrap_or_default());
    let name = &parts.uri.path()[PREFIX.len()..];
    let (status, value) = match act(state, &parts.method, name, &query, &body) {
        Ok(Some(value)) => (200, value),
        Ok(None) => (404, json!({"message": "no such control endpoint"})),
        Err(message) => (400, json!({"message": message})),
    };
    let body = Full::new(Bytes::from(value.to_string())).map_err(|never| match never {}).boxed_unsync();
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(body).map_err(io::Error::other)
}

fn act(
    state: &SimulatorState,
    method: &Method,
    name: &str,
    query: &QueryString,
    body: &[u8],
) -> Result<Option<Value>, String> {
    let truth = || GroundTruth::following(state.world.clone());
    let now = state.clock.now();
    Ok(Some(match (method.as_str(), name) {
        ("GET", "now") => json!({"now": stamp::text(now)}),
        ("POST", "advance") => advance(state, query)?,
        ("POST", "freeze") => {
            state.clock.freeze();
            json!({"now": stamp::text(state.clock.now())})
        }
        ("POST", "fault") => add_fault(state, body)?,
        ("DELETE", "faults") => {
            state.faults.clear();
            json!({"faults": 0})
        }
        ("GET", "faults") => json!({"strikes": state.faults.trigger_counts()}),
        ("GET", "requests") => requests(state),
        ("DELETE", "requests") => {
            state.log().clear();
            state.rate_limits().reset_spent();
            json!({"requests": 0})
        }
        ("GET", "truth/facts") => Value::Array(truth().facts(now).iter().map(fact).collect()),
        ("GET", "truth/gauges") => gauges(&truth(), now, query),
        _ => return Ok(None),
    }))
}

fn advance(state: &SimulatorState, query: &QueryString) -> Result<Value, String> {
    let seconds = query.number("seconds").ok_or("advance needs ?seconds=NUMBER")?;
    state.clock.advance(Duration::from_secs(seconds));
    Ok(json!({"now": stamp::text(state.clock.now())}))
}

fn add_fault(state: &SimulatorState, body: &[u8]) -> Result<Value, String> {
    let fault: ApiFault = serde_json::from_slice(body).map_err(|error| format!("no fault: {error}"))?;
    state.faults.add(fault);
    Ok(json!({"faults": state.faults.trigger_counts().len()}))
}

fn requests(state: &SimulatorState) -> Value {
    let log = state.log();
    let records: Vec<Value> = log.records().iter().map(record).collect();
    json!({"requests": records, "max_concurrency": log.max_in_flight()})
}

fn record(record: &RequestRecord) -> Value {
    json!({
        "sequence": record.sequence, "method": record.method, "target": record.target,
        "path": record.path, "endpoint": record.endpoint, "operation": record.operation, "status": record.status, "cost": record.cost,
        "resource": record.resource, "token": record.token, "at": stamp::text(record.at),
        "concurrency": record.concurrency, "conditional": record.conditional,
        "user_agent": record.user_agent,
    })
}

fn fact(fact: &ExpectedFact) -> Value {
    json!({
        "kind": fact.kind.as_str(), "org": fact.org, "repo": fact.repo, "repo_id": fact.repo_id,
        "id": fact.id, "user": fact.user, "at": stamp::text(fact.at),
        "additions": fact.additions, "deletions": fact.deletions,
    })
}

/// The expected gauges. `active_window` is in seconds, `history_floor` a timestamp or Unix seconds.
fn gauges(truth: &GroundTruth, now: Timestamp, query: &QueryString) -> Value {
    let window = query.number("active_window").unwrap_or(ACTIVE_WINDOW);
    let window = SignedDuration::from_secs(i64::try_from(window).unwrap_or(i64::MAX));
    let seconds = query.number("history_floor").and_then(|seconds| i64::try_from(seconds).ok());
    let floor = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let floor = floor.or_else(|| query.time("history_floor")).unwrap_or(Timestamp::UNIX_EPOCH);
    let rows = truth.gauges(now, window, floor);
    let row = |((name, org, repo, user), value): (&crate::GaugeKey, &f64)| json!({"name": name, "org": org, "repo": repo, "user": user, "value": value});
    Value::Array(rows.iter().map(row).collect())
}

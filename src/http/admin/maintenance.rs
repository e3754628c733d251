//! Pausing organisations, and letting them go on.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::maintenance::{Pause, PauseRegistry};
use github_stats_actors::store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::timeout;

use crate::config::{format_duration, parse_duration};
use crate::http::AppState;
use crate::http::problem::Problem;
use crate::human;

/// How long a pause lasts where nobody says how long.
const USUAL: Duration = Duration::from_secs(3600);
/// How long it lasts at most: whatever is paused is to go on even if everybody forgets about it.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How long storing a pause may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of a reason, or of a name.
const LONGEST_TEXT: usize = 500;

/// What is asked for with a POST.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    reason: String,
    by: Option<String>,
    org: Option<String>,
    #[serde(rename = "for")]
    length: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    org: Option<String>,
    by: Option<String>,
}

/// A pause as the API tells it.
#[derive(Serialize)]
pub(super) struct PauseReport {
    org: OrgName,
    reason: String,
    by: String,
    from: Option<String>,
    until: Option<String>,
    remaining_seconds: i64,
}

impl PauseReport {
    fn of(pause: &Pause, now: Timestamp) -> Self {
        PauseReport {
            org: pause.org.clone(),
            reason: pause.reason.clone(),
            by: pause.by.clone(),
            from: human::instant(pause.from),
            until: human::instant(pause.until),
            remaining_seconds: pause.until.seconds_since(now),
        }
    }
}

/// What is paused, as last seen.
pub(super) fn told(state: &AppState) -> Vec<PauseReport> {
    let now = state.replica.clock.now();
    let pauses = state.replica.pauses.get();
    pauses.iter().filter(|pause| pause.is_in_force(now)).map(|pause| PauseReport::of(pause, now)).collect()
}

/// Lists what is paused.
pub(in crate::http) async fn show_maintenance(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "maintenance": told(&state) }))
}

/// Pauses an organisation or all, as `{"reason": "…", "for": "1h", "org": "…", "by": "…"}` says; answered when every
/// replica that begins a cycle from now on will know.
pub(in crate::http) async fn start_maintenance(
    request: HttpRequest,
    body: web::Bytes,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let order: Order = serde_json::from_slice(&body).map_err(|error| {
        let example = "{\"reason\": \"…\", \"for\": \"1h\", \"org\": \"…\", \"by\": \"…\"}";
        bad(format!("say why, as in {example}, of which only the reason must be there: {error}"))
    })?;
    let now = state.replica.clock.now();
    let pause = Pause {
        org: organisation(&state, order.org.as_deref())?.unwrap_or_else(|| Pause::ALL.into()),
        reason: text("reason", &order.reason)?,
        by: operator(&request, order.by.as_deref())?,
        from: now,
        until: now + length(order.length.as_deref())?,
    };
    let register = register(&state)?;
    stored(register.start(&pause)).await?;
    let started = PauseReport::of(&pause, now);
    Ok(HttpResponse::Ok().json(json!({ "started": started, "maintenance": told(&state) })))
}

/// Ends the pause of the organisation in `?org=`, or all pauses. There may be none.
pub(in crate::http) async fn end_maintenance(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let choice = web::Query::<Choice>::from_query(request.query_string())
        .map_err(|error| bad(format!("only ?org= and ?by= are understood: {error}")))?
        .into_inner();
    let org = match choice.org.as_deref() {
        Some(Pause::ALL) => Some(OrgName::from(Pause::ALL)),
        org => organisation(&state, org)?,
    };
    let by = operator(&request, choice.by.as_deref())?;
    let ended = stored(register(&state)?.end(org.as_ref(), &by)).await?;
    let now = state.replica.clock.now();
    let ended: Vec<PauseReport> = ended.iter().map(|pause| PauseReport::of(pause, now)).collect();
    Ok(HttpResponse::Ok().json(json!({ "ended": ended, "maintenance": told(&state) })))
}

fn register(state: &AppState) -> Result<&PauseRegistry, Problem> {
    let missing = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this replica schedules nothing");
    state.admin.maintenance.as_ref().ok_or_else(missing)
}

/// An operator's word must be kept somewhere, but nobody waits for ever.
async fn stored<T>(change: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
    let unavailable = |why: String| {
        let message = format!("the maintenance cannot be stored: {why}; try again when the store is back");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, message)
    };
    match timeout(PATIENCE, change).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(unavailable(error.to_string())),
        Err(_) => {
            let message = format!(
                "the store did not answer within {} s, so it is not known whether the maintenance was changed; look \
                 before you try again",
                PATIENCE.as_secs()
            );
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, message))
        }
    }
}

/// The configured organisation of this name; GitHub does not tell capitals from small letters.
fn organisation(state: &AppState, name: Option<&str>) -> Result<Option<OrgName>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let scheduler = state.replica.scheduler.get();
    let mut known = scheduler.organisations.keys();
    if let Some(org) = known.find(|org| org.as_str().eq_ignore_ascii_case(name)) {
        return Ok(Some(org.clone()));
    }
    let names: Vec<&str> = scheduler.organisations.keys().map(OrgName::as_str).collect();
    let message = format!("no organisation {name:?} is configured; there are: {}", names.join(", "));
    Err(Problem::new(StatusCode::NOT_FOUND, message))
}

fn operator(request: &HttpRequest, name: Option<&str>) -> Result<String, Problem> {
    match name {
        Some(name) => text("by", name),
        None => Ok(request.peer_addr().map_or("unknown".to_owned(), |peer| peer.ip().to_string())),
    }
}

/// Words of an operator, which end up in logs and on pages.
fn text(what: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let fits =
        !text.is_empty() && text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control);
    let wrong = || bad(format!("{what} must have 1 to {LONGEST_TEXT} characters, and no control characters"));
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// Whole seconds.
fn length(length: Option<&str>) -> Result<i64, Problem> {
    let asked = match length {
        Some(length) => parse_duration(length),
        None => Some(USUAL),
    };
    let fits = asked.filter(|asked| *asked >= Duration::from_secs(1) && *asked <= LONGEST);
    let seconds = fits.and_then(|length| i64::try_from(length.as_secs()).ok());
    let longest = format_duration(LONGEST);
    seconds.ok_or_else(|| bad(format!("\"for\" must be a duration such as 30m or 1h, at most {longest}")))
}

fn bad(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::TestRequest;
    use serde_json::Value;

    use super::*;
    use crate::http::testing::{TestResponse, ask, fresh, with_org, with_token};

    fn scheduling() -> AppState {
        with_org(with_token(fresh(), "t"), "acme")
    }

    async fn operate(state: &AppState, method: Method, query: &str, body: &'static str) -> TestResponse {
        let request = TestRequest::default().method(method).uri(&format!("/api/admin/maintenance{query}"));
        ask(state, request.insert_header(("authorization", "Bearer t")).set_payload(body)).await
    }

    async fn listed(state: &AppState) -> Value {
        operate(state, Method::GET, "", "").await.json()["maintenance"].clone()
    }

    #[actix::test]
    async fn scraping_is_paused_for_a_reason_and_goes_on_when_told() {
        let state = scheduling();
        assert_eq!(listed(&state).await, json!([]));
        let order = r#"{"reason": "an upgrade", "by": "ann", "org": "ACME", "for": "30m"}"#;
        let answer = operate(&state, Method::POST, "", order).await;
        let pause = json!([{
            "org": "acme", "reason": "an upgrade", "by": "ann", "from": "2027-01-15T08:00:00Z",
            "until": "2027-01-15T08:30:00Z", "remaining_seconds": 1800
        }]);
        assert_eq!((answer.status, &answer.json()["maintenance"]), (200, &pause), "{}", answer.text());
        assert_eq!(answer.json()["started"], pause[0]);
        let all = operate(&state, Method::POST, "", r#"{"reason": "all of it"}"#).await.json();
        assert_eq!(
            (&all["started"]["org"], &all["started"]["remaining_seconds"]),
            (&json!("*"), &json!(3600))
        );
        let ended = operate(&state, Method::DELETE, "?org=acme&by=bob", "").await.json();
        assert_eq!(ended["ended"][0]["org"], "acme");
        assert_eq!(ended["maintenance"].as_array().map(Vec::len), Some(1), "all are paused yet");
        assert_eq!(operate(&state, Method::DELETE, "", "").await.json()["ended"][0]["org"], "*");
        assert_eq!(operate(&state, Method::DELETE, "", "").await.json()["ended"], json!([]));
        assert_eq!(listed(&state).await, json!([]));
    }

    #[actix::test]
    async fn orders_that_make_no_sense_change_nothing_and_say_why() {
        let state = scheduling();
        for (body, status, said) in [
            ("", 400, "say why"),
            ("{}", 400, "reason"),
            (r#"{"reason": " "}"#, 400, "reason"),
            (r#"{"reason": "a\u001b[2J"}"#, 400, "control"),
            (r#"{"reason": "x", "for": "25h"}"#, 400, "24h"),
            (r#"{"reason": "x", "for": "0s"}"#, 400, "\"for\""),
            (r#"{"reason": "x", "for": "soon"}"#, 400, "\"for\""),
            (r#"{"reason": "x", "until": "later"}"#, 400, "until"),
            (r#"{"reason": "x", "org": "globex"}"#, 404, "there are: acme"),
        ] {
            let answer = operate(&state, Method::POST, "", body).await;
            assert_eq!(answer.status, status, "{body}");
            assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains(said)), "{body}");
        }
        assert_eq!(operate(&state, Method::DELETE, "?org=globex", "").await.status, 404);
        assert_eq!(operate(&state, Method::DELETE, "?orgs=acme", "").await.status, 400);
        let put = operate(&state, Method::PUT, "", "").await;
        assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD, POST, DELETE")));
        assert_eq!(listed(&state).await, json!([]));
    }
}

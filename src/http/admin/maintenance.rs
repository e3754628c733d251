//! Pausing scraping, and ending pauses.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::maintenance::{Pause, PauseRegistry};
use github_stats_actors::store::StoreError;
use tokio::time::timeout;

use crate::admin_api::{
    EndMaintenance, ErrorAnswer, MaintenanceEnded, MaintenanceList, MaintenanceStarted, PauseReport,
    StartMaintenance,
};
use crate::config::{format_duration, parse_duration};
use crate::http::AppState;
use crate::http::problem::Problem;
use crate::human;

/// The length of a pause unless the request says otherwise.
const DEFAULT_LENGTH: Duration = Duration::from_secs(3600);
/// The maximum length: scraping resumes even if the pause is forgotten.
const MAX_LENGTH: Duration = Duration::from_secs(24 * 3600);
/// How long storing a pause may take.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of a reason, or of a name.
const MAX_TEXT_LENGTH: usize = 500;

fn report(pause: &Pause, now: Timestamp) -> PauseReport {
    PauseReport {
        org: pause.org.to_string(),
        reason: pause.reason.clone(),
        by: pause.by.clone(),
        from: human::instant(pause.from),
        until: human::instant(pause.until),
        remaining_seconds: pause.until.seconds_since(now),
    }
}

/// The current pauses, as this replica last read them.
pub(super) fn current_pauses(state: &AppState) -> Vec<PauseReport> {
    let now = state.replica.clock.now();
    let pauses = state.replica.pauses.get();
    pauses.iter().filter(|pause| pause.is_active(now)).map(|pause| report(pause, now)).collect()
}

/// List the current pauses
#[utoipa::path(
    get,
    path = "/maintenance",
    operation_id = "showMaintenance",
    responses((status = 200, description = "The current pauses.", body = MaintenanceList))
)]
pub(in crate::http) async fn show_maintenance(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(MaintenanceList { maintenance: current_pauses(&state) })
}

/// Pause scraping of one organisation, or of all
///
/// The pause ends by itself. Cycles that are running are finished; activity during the pause is
/// collected afterwards.
#[utoipa::path(
    post,
    path = "/maintenance",
    operation_id = "startMaintenance",
    request_body = StartMaintenance,
    responses(
        (status = 200, description = "The pause is stored; no cycle begins from now on.", body = MaintenanceStarted),
        (status = 400, description = "The request is invalid.", body = ErrorAnswer),
        (status = 404, description = "There is no such organisation.", body = ErrorAnswer),
        (status = 503, description = "The pause cannot be stored.", body = ErrorAnswer),
        (
            status = 504,
            description = "The store did not answer; list the pauses before you try again.",
            body = ErrorAnswer
        )
    )
)]
pub(in crate::http) async fn start_maintenance(
    request: HttpRequest,
    body: web::Bytes,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let start: StartMaintenance = serde_json::from_slice(&body).map_err(|error| {
        let example = "{\"reason\": \"…\", \"for\": \"1h\", \"org\": \"…\", \"by\": \"…\"}";
        bad(format!("say why, as in {example}, where only the reason is required: {error}"))
    })?;
    let now = state.replica.clock.now();
    let pause = Pause {
        org: organisation(&state, start.org.as_deref())?.unwrap_or_else(|| Pause::ALL.into()),
        reason: text("reason", &start.reason)?,
        by: operator(&request, start.by.as_deref())?,
        from: now,
        until: now + length(start.length.as_deref())?,
    };
    stored(registry(&state)?.start(&pause)).await?;
    let started = report(&pause, now);
    Ok(HttpResponse::Ok().json(MaintenanceStarted { started, maintenance: current_pauses(&state) }))
}

/// End the pause of one organisation, or every pause
#[utoipa::path(
    delete,
    path = "/maintenance",
    operation_id = "endMaintenance",
    params(EndMaintenance),
    responses(
        (status = 200, description = "The pauses that were ended; perhaps none.", body = MaintenanceEnded),
        (status = 400, description = "The request is invalid.", body = ErrorAnswer),
        (status = 404, description = "There is no such organisation.", body = ErrorAnswer),
        (status = 503, description = "The change cannot be stored.", body = ErrorAnswer),
        (
            status = 504,
            description = "The store did not answer; list the pauses before you try again.",
            body = ErrorAnswer
        )
    )
)]
pub(in crate::http) async fn end_maintenance(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let end = web::Query::<EndMaintenance>::from_query(request.query_string())
        .map_err(|error| bad(format!("only ?org= and ?by= are understood: {error}")))?
        .into_inner();
    let org = match end.org.as_deref() {
        Some(Pause::ALL) => Some(OrgName::from(Pause::ALL)),
        org => organisation(&state, org)?,
    };
    let by = operator(&request, end.by.as_deref())?;
    let ended = stored(registry(&state)?.end(org.as_ref(), &by)).await?;
    let now = state.replica.clock.now();
    let ended = ended.iter().map(|pause| report(pause, now)).collect();
    Ok(HttpResponse::Ok().json(MaintenanceEnded { ended, maintenance: current_pauses(&state) }))
}

fn registry(state: &AppState) -> Result<&PauseRegistry, Problem> {
    let missing = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this replica schedules nothing");
    state.admin.maintenance.as_ref().ok_or_else(missing)
}

/// Waits until a change is stored, but not for ever.
async fn stored<T>(change: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
    match timeout(STORE_TIMEOUT, change).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            let message =
                format!("the change cannot be stored: {error}; try again when the store is available");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, message))
        }
        Err(_) => {
            let message = format!(
                "the store did not answer within {} s, so the change may or may not be stored; list the pauses \
                 before you try again",
                STORE_TIMEOUT.as_secs()
            );
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, message))
        }
    }
}

/// The configured organisation of this name. GitHub ignores case in names.
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

/// Checks a text from an operator, which ends up in logs and on pages.
fn text(what: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let fits =
        !text.is_empty() && text.chars().count() <= MAX_TEXT_LENGTH && !text.chars().any(char::is_control);
    let wrong =
        || bad(format!("{what} must have 1 to {MAX_TEXT_LENGTH} characters, and no control characters"));
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// The length of a pause in whole seconds.
fn length(length: Option<&str>) -> Result<i64, Problem> {
    let asked = match length {
        Some(length) => parse_duration(length),
        None => Some(DEFAULT_LENGTH),
    };
    let fits = asked.filter(|asked| *asked >= Duration::from_secs(1) && *asked <= MAX_LENGTH);
    let seconds = fits.and_then(|length| i64::try_from(length.as_secs()).ok());
    let longest = format_duration(MAX_LENGTH);
    seconds.ok_or_else(|| bad(format!("\"for\" must be a duration such as 30m or 1h, at most {longest}")))
}

fn bad(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

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
    async fn scraping_is_paused_for_a_reason_until_the_pause_is_ended() {
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
        assert_eq!(ended["maintenance"].as_array().map(Vec::len), Some(1), "all are still paused");
        assert_eq!(operate(&state, Method::DELETE, "", "").await.json()["ended"][0]["org"], "*");
        assert_eq!(operate(&state, Method::DELETE, "", "").await.json()["ended"], json!([]));
        assert_eq!(listed(&state).await, json!([]));
    }

    #[actix::test]
    async fn invalid_requests_change_nothing_and_are_explained() {
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

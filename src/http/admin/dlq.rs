//! Dead letters as operators handle them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use github_stats_actors::queue::{DeadLetterError, DeadLetterService};
use serde::Deserialize;
use serde_json::json;

use crate::http::AppState;
use crate::http::problem::Problem;

/// Letters listed where nobody says how many.
const LISTED: usize = 100;

#[derive(Deserialize)]
struct Choice {
    count: Option<usize>,
}

#[derive(Deserialize)]
struct Resolution {
    reason: String,
}

fn desk(state: &AppState) -> Result<&DeadLetterService, Problem> {
    let missing = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this replica has no backfill queue");
    state.admin.letters.as_ref().ok_or_else(missing)
}

fn problem(error: DeadLetterError) -> Problem {
    let status = match &error {
        DeadLetterError::Unknown(_) => StatusCode::NOT_FOUND,
        DeadLetterError::NoJob(_) => StatusCode::CONFLICT,
        DeadLetterError::Store(_) | DeadLetterError::Queue(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, error.to_string())
}

/// The oldest letters, and how many there are.
pub(in crate::http) async fn list_letters(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let choice = web::Query::<Choice>::from_query(request.query_string())
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "count must be a whole number"))?;
    let mut letters = desk(&state)?.list().await.map_err(problem)?;
    let total = letters.len();
    letters.truncate(choice.count.unwrap_or(LISTED));
    Ok(HttpResponse::Ok().json(json!({ "total": total, "letters": letters })))
}

/// One letter with everything there is to know.
pub(in crate::http) async fn inspect_letter(
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let letter = desk(&state)?.inspect(&id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(letter))
}

/// Makes a job of a letter, once.
pub(in crate::http) async fn reprocess(
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let reprocessed = desk(&state)?.reprocess(&id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(json!({ "reprocessed": [reprocessed], "failed": [] })))
}

/// Makes a job of every letter that holds one.
pub(in crate::http) async fn reprocess_all(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let desk = desk(&state)?;
    let (mut reprocessed, mut failed) = (Vec::new(), Vec::new());
    for letter in desk.list().await.map_err(problem)? {
        match desk.reprocess(&letter.id).await {
            Ok(done) => reprocessed.push(done),
            Err(error) => failed.push(json!({ "id": letter.id, "error": error.to_string() })),
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "reprocessed": reprocessed, "failed": failed })))
}

/// Takes a letter out, for a reason given as `{"reason": "…"}`.
pub(in crate::http) async fn resolve(
    id: web::Path<String>,
    body: web::Bytes,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let Resolution { reason } = serde_json::from_slice(&body)
        .ok()
        .filter(|resolution: &Resolution| !resolution.reason.trim().is_empty())
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "say why: {\"reason\": \"…\"}"))?;
    let letter = desk(&state)?.resolve(&id, &reason).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(json!({ "resolved": letter.id, "reason": reason })))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use github_stats_actors::activity::Timestamp;
    use github_stats_actors::clock::Clock;
    use github_stats_actors::queue::testing::{job, settings};
    use github_stats_actors::queue::{DeadLetter, DeadLetterReason, JobStores, MemoryQueue, PoisonMessage};

    use super::*;
    use crate::http::testing::{TestResponse, ask, fresh, with_token};

    async fn with_letters() -> (AppState, MemoryQueue) {
        let books = JobStores::in_memory(&settings());
        for (number, id) in (1..).zip(["a", "b"]) {
            let letter = DeadLetter::of_job(
                &job(id),
                DeadLetterReason::Expired,
                "too old",
                Timestamp::from_unix(number),
            );
            books.dead_letters.add(&letter).await.unwrap();
        }
        let poison =
            PoisonMessage { id: "p".into(), problem: "no JSON".into(), size: 3, excerpt: "{{{".into() };
        books.dead_letters.add(&DeadLetter::of_poison(&poison, Timestamp::from_unix(3))).await.unwrap();
        let queue = MemoryQueue::new();
        let clock = Clock::starting_at(Timestamp::from_unix(2_000));
        let mut state = with_token(fresh(), "t");
        state.admin.letters = Some(DeadLetterService::new(books, Arc::new(queue.clone()), clock));
        (state, queue)
    }

    async fn operate(state: &AppState, request: TestRequest) -> TestResponse {
        ask(state, request.insert_header(("authorization", "Bearer t"))).await
    }

    async fn read(state: &AppState, path: &str) -> TestResponse {
        operate(state, TestRequest::get().uri(&format!("/api/admin/dlq{path}"))).await
    }

    async fn order(state: &AppState, path: &str, body: &'static str) -> TestResponse {
        operate(state, TestRequest::post().uri(&format!("/api/admin/dlq{path}")).set_payload(body)).await
    }

    #[actix::test]
    async fn letters_are_listed_shown_and_reprocessed_once() {
        let (state, queue) = with_letters().await;
        let listed = read(&state, "?count=1").await.json();
        assert_eq!((&listed["total"], &listed["letters"][0]["id"]), (&json!(3), &json!("a")));
        assert_eq!(listed["letters"].as_array().unwrap().len(), 1);
        let shown = read(&state, "/a").await.json();
        assert_eq!((&shown["reason"], &shown["error"]), (&json!("expired"), &json!("too old")));
        let first = order(&state, "/a/reprocess", "").await.json();
        assert_eq!(first["reprocessed"][0]["job_id"], "a~2");
        let second = order(&state, "/a/reprocess", "").await;
        assert_eq!((second.status, &second.json()["reprocessed"][0]["job_id"]), (200, &json!(null)));
        assert_eq!(queue.len(), 1);
        let all = order(&state, "/reprocess", "").await.json();
        assert_eq!((&all["reprocessed"][0]["job_id"], &all["failed"][0]["id"]), (&json!("b~2"), &json!("p")));
    }

    #[actix::test]
    async fn a_letter_is_resolved_for_a_reason_by_an_operator() {
        let (state, _) = with_letters().await;
        assert_eq!(order(&state, "/p/reprocess", "").await.status, 409);
        for body in ["", "{}", "{\"reason\": \" \"}"] {
            assert_eq!(order(&state, "/p/resolve", body).await.status, 400, "{body}");
        }
        let resolved = order(&state, "/p/resolve", "{\"reason\": \"a test\"}").await;
        assert_eq!((resolved.status, &resolved.json()["resolved"]), (200, &json!("p")));
        assert_eq!(order(&state, "/p/resolve", "{\"reason\": \"a test\"}").await.status, 404);
        assert_eq!(read(&state, "/p").await.status, 404);
        let anonymous = ask(&state, TestRequest::get().uri("/api/admin/dlq")).await;
        assert_eq!(anonymous.status, 401);
        assert_eq!(read(&with_token(fresh(), "t"), "").await.status, 503);
    }
}

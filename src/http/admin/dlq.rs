//! Dead letters.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use github_stats_actors::queue::{DeadLetterAdmin, DeadLetterError, DeadLetterService};

use crate::admin_api::{
    DeadLetterList, DeadLetterQuery, DeadLetterView, ErrorAnswer, ReprocessAnswer, ResolveAnswer,
    ResolveRequest,
};
use crate::http::AppState;
use crate::http::problem::Problem;

/// How many dead letters are listed unless the request says otherwise.
const DEFAULT_COUNT: usize = 100;

fn service(state: &AppState) -> Result<&DeadLetterService, Problem> {
    let missing = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this replica has no backfill queue");
    state.admin.dead_letters.as_ref().ok_or_else(missing)
}

fn problem(error: DeadLetterError) -> Problem {
    let status = match &error {
        DeadLetterError::Unknown(_) => StatusCode::NOT_FOUND,
        DeadLetterError::NoJob(_) => StatusCode::CONFLICT,
        DeadLetterError::NoReason => return no_reason(),
        DeadLetterError::Store(_) | DeadLetterError::Queue(_) | DeadLetterError::Broker(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Problem::new(status, error.to_string())
}

fn no_reason() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "say why: {\"reason\": \"…\"}")
}

/// List dead letters, the oldest first
#[utoipa::path(
    get,
    path = "/dlq",
    operation_id = "listLetters",
    params(DeadLetterQuery),
    responses(
        (status = 200, description = "The dead letters.", body = DeadLetterList),
        (status = 400, description = "`count` is not a whole number.", body = ErrorAnswer),
        (status = 503, description = "The dead letters cannot be reached.", body = ErrorAnswer)
    )
)]
pub(in crate::http) async fn list_dead_letters(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let query = web::Query::<DeadLetterQuery>::from_query(request.query_string())
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "count must be a whole number"))?;
    let page = service(&state)?.page(query.count.unwrap_or(DEFAULT_COUNT)).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(DeadLetterList::from(page)))
}

/// Show one dead letter
#[utoipa::path(
    get,
    path = "/dlq/{id}",
    operation_id = "inspectLetter",
    params(("id" = String, Path, description = "The id of the dead letter.")),
    responses(
        (status = 200, description = "The dead letter.", body = DeadLetterView),
        (status = 404, description = "There is no such dead letter.", body = ErrorAnswer),
        (status = 503, description = "The dead letters cannot be reached.", body = ErrorAnswer)
    )
)]
pub(in crate::http) async fn inspect_dead_letter(
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let dead_letter = service(&state)?.inspect(&id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(DeadLetterView::of(&dead_letter)))
}

/// Reprocess a dead letter: once, however often it is requested
#[utoipa::path(
    post,
    path = "/dlq/{id}/reprocess",
    operation_id = "reprocess",
    params(("id" = String, Path, description = "The id of the dead letter.")),
    responses(
        (status = 200, description = "The job it became.", body = ReprocessAnswer),
        (status = 404, description = "There is no such dead letter.", body = ErrorAnswer),
        (status = 409, description = "It contains no job.", body = ErrorAnswer),
        (status = 503, description = "The dead letters or the queue cannot be reached.", body = ErrorAnswer)
    )
)]
pub(in crate::http) async fn reprocess(
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let outcome = service(&state)?.reprocess(&id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(ReprocessAnswer::from(outcome)))
}

/// Reprocess every dead letter that contains a job
#[utoipa::path(
    post,
    path = "/dlq/reprocess",
    operation_id = "reprocessAll",
    responses(
        (status = 200, description = "The outcome for each.", body = ReprocessAnswer),
        (status = 503, description = "The dead letters cannot be reached.", body = ErrorAnswer)
    )
)]
pub(in crate::http) async fn reprocess_all(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let summary = service(&state)?.reprocess_all().await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(ReprocessAnswer::from(summary)))
}

/// Resolve a dead letter: remove it, for a reason, without another attempt
#[utoipa::path(
    post,
    path = "/dlq/{id}/resolve",
    operation_id = "resolve",
    params(("id" = String, Path, description = "The id of the dead letter.")),
    request_body = ResolveRequest,
    responses(
        (status = 200, description = "The dead letter is resolved.", body = ResolveAnswer),
        (status = 400, description = "No reason is given.", body = ErrorAnswer),
        (status = 404, description = "There is no such dead letter.", body = ErrorAnswer),
        (status = 503, description = "The dead letters cannot be reached.", body = ErrorAnswer)
    )
)]
pub(in crate::http) async fn resolve(
    id: web::Path<String>,
    body: web::Bytes,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let ResolveRequest { reason } = serde_json::from_slice(&body).map_err(|_| no_reason())?;
    let dead_letter = service(&state)?.resolve(&id, &reason).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(ResolveAnswer { resolved: dead_letter.id, reason }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use github_stats_actors::activity::Timestamp;
    use github_stats_actors::clock::Clock;
    use github_stats_actors::queue::testing::{job, settings};
    use github_stats_actors::queue::{DeadLetter, DeadLetterReason, JobStores, MemoryQueue, PoisonMessage};
    use serde_json::json;

    use super::*;
    use crate::http::testing::{TestResponse, ask, fresh, with_token};

    async fn with_dead_letters() -> (AppState, MemoryQueue) {
        let stores = JobStores::in_memory(&settings());
        for (number, id) in (1..).zip(["a", "b"]) {
            let dead_letter = DeadLetter::of_job(
                &job(id),
                DeadLetterReason::Expired,
                "too old",
                Timestamp::from_unix(number),
            );
            stores.dead_letters.add(&dead_letter).await.unwrap();
        }
        let poison =
            PoisonMessage { id: "p".into(), problem: "no JSON".into(), size: 3, excerpt: "{{{".into() };
        stores.dead_letters.add(&DeadLetter::of_poison(&poison, Timestamp::from_unix(3))).await.unwrap();
        let queue = MemoryQueue::new();
        let clock = Clock::starting_at(Timestamp::from_unix(2_000));
        let mut state = with_token(fresh(), "t");
        state.admin.dead_letters = Some(DeadLetterService::new(stores, Arc::new(queue.clone()), clock));
        (state, queue)
    }

    async fn operate(state: &AppState, request: TestRequest) -> TestResponse {
        ask(state, request.insert_header(("authorization", "Bearer t"))).await
    }

    async fn read_path(state: &AppState, path: &str) -> TestResponse {
        operate(state, TestRequest::get().uri(&format!("/api/admin/dlq{path}"))).await
    }

    async fn post(state: &AppState, path: &str, body: &'static str) -> TestResponse {
        operate(state, TestRequest::post().uri(&format!("/api/admin/dlq{path}")).set_payload(body)).await
    }

    #[actix::test]
    async fn dead_letters_are_listed_shown_and_reprocessed_once() {
        let (state, queue) = with_dead_letters().await;
        let listed = read_path(&state, "?count=1").await.json();
        assert_eq!((&listed["total"], &listed["letters"][0]["id"]), (&json!(3), &json!("a")));
        assert_eq!(listed["letters"].as_array().unwrap().len(), 1);
        let shown = read_path(&state, "/a").await.json();
        assert_eq!((&shown["reason"], &shown["error"]), (&json!("expired"), &json!("too old")));
        let first = post(&state, "/a/reprocess", "").await.json();
        assert_eq!(first["reprocessed"][0]["job_id"], "a~2");
        let second = post(&state, "/a/reprocess", "").await;
        assert_eq!((second.status, &second.json()["reprocessed"][0]["job_id"]), (200, &json!(null)));
        assert_eq!(queue.len(), 1);
        let all = post(&state, "/reprocess", "").await.json();
        assert_eq!((&all["reprocessed"][0]["job_id"], &all["failed"][0]["id"]), (&json!("b~2"), &json!("p")));
    }

    #[actix::test]
    async fn an_operator_resolves_a_dead_letter_for_a_reason() {
        let (state, _) = with_dead_letters().await;
        assert_eq!(post(&state, "/p/reprocess", "").await.status, 409);
        for body in ["", "{}", "{\"reason\": \" \"}"] {
            assert_eq!(post(&state, "/p/resolve", body).await.status, 400, "{body}");
        }
        let resolved = post(&state, "/p/resolve", "{\"reason\": \"a test\"}").await;
        assert_eq!((resolved.status, &resolved.json()["resolved"]), (200, &json!("p")));
        assert_eq!(post(&state, "/p/resolve", "{\"reason\": \"a test\"}").await.status, 404);
        assert_eq!(read_path(&state, "/p").await.status, 404);
        let anonymous = ask(&state, TestRequest::get().uri("/api/admin/dlq")).await;
        assert_eq!(anonymous.status, 401);
        assert_eq!(read_path(&with_token(fresh(), "t"), "").await.status, 503);
    }
}

//! The routes.

use actix_web::web::ServiceConfig;
use actix_web::{middleware::from_fn, web};

use super::method::{act, manage, read};
use super::{AppState, admin, exposition_health, health, index, live, problem, ready, scrape};

/// The endpoints, as the index lists them.
pub(super) const ENDPOINTS: [(&str, &str); 8] = [
    ("/metrics", "metrics for Prometheus"),
    ("/healthz", "health of this replica"),
    ("/health/detailed", "the same with all details"),
    ("/livez", "whether the process can make progress"),
    ("/readyz", "whether this replica can serve metrics"),
    ("/health/metrics", "how often and when this replica was scraped"),
    ("/admin", "the operator's page"),
    ("/api/admin", "the operator's API"),
];

/// Adds all routes; fault injection only where it is allowed.
pub(super) fn routes(config: &mut ServiceConfig, state: &AppState) {
    let mut operator = web::scope("/api/admin")
        .wrap(from_fn(admin::authenticate))
        .service(read("", admin::overview))
        .service(read("/openapi.json", admin::openapi))
        .service(read("/status", admin::status))
        .service(read("/slo", admin::slo))
        .service(manage(
            "/maintenance",
            admin::show_maintenance,
            admin::start_maintenance,
            admin::end_maintenance,
        ))
        .service(act("/shutdown", admin::shut_down))
        .service(read("/actors", admin::actors))
        .service(read("/dlq", admin::list_dead_letters))
        .service(act("/dlq/reprocess", admin::reprocess_all))
        .service(act("/dlq/{id}/reprocess", admin::reprocess))
        .service(act("/dlq/{id}/resolve", admin::resolve))
        .service(read("/dlq/{id}", admin::inspect_dead_letter))
        .default_service(web::to(problem::not_found));
    if state.admin.chaos {
        operator = operator.service(act("/chaos/actors/{id:.+}", admin::break_actor));
    }
    config
        .service(read("/", index::index))
        .service(read("/metrics", scrape::metrics))
        .service(read("/livez", live::live))
        .service(read("/health/live", live::live))
        .service(read("/readyz", ready::ready))
        .service(read("/health/ready", ready::ready))
        .service(read("/healthz", health::health))
        .service(read("/health", health::health))
        .service(read("/health/detailed", health::detailed))
        .service(read("/health/metrics", exposition_health::exposition_health))
        .service(read("/admin", admin::page))
        .service(read("/admin/page.js", admin::script))
        .service(read("/admin/page.css", admin::style))
        .service(operator);
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::testing::{ask, fresh, get};

    #[actix::test]
    async fn the_index_links_to_pages_that_exist() {
        let state = fresh();
        let index = get(&state, "/").await;
        assert_eq!((index.status, index.header("content-type")), (200, Some("text/html; charset=utf-8")));
        for (path, _) in ENDPOINTS {
            assert!(index.text().contains(&format!("href=\"{path}\"")));
            assert_ne!(get(&state, path).await.status, 404);
        }
    }

    #[actix::test]
    async fn other_methods_are_answered_with_the_allowed_ones() {
        let state = fresh();
        for path in ["/", "/metrics", "/livez", "/healthz"] {
            let answer = ask(&state, TestRequest::post().uri(path)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{path}");
            assert!(answer.json()["error"].is_string());
        }
    }

    #[actix::test]
    async fn unknown_paths_are_answered_with_a_json_error() {
        let answer = get(&fresh(), "/metricz").await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")));
        assert!(answer.json()["error"].is_string());
    }
}

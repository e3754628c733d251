//! Which path is answered by whom.

use actix_web::web::ServiceConfig;
use actix_web::{middleware::from_fn, web};

use super::method::{act, read};
use super::{State, admin, exposition_health, health, index, live, problem, ready, scrape};

/// The endpoints, as the index lists them.
pub(super) const ENDPOINTS: [(&str, &str); 6] = [
    ("/metrics", "metrics for Prometheus"),
    ("/healthz", "how this replica is"),
    ("/health/detailed", "the same with all details"),
    ("/livez", "whether the process can make progress"),
    ("/readyz", "whether this replica can serve metrics"),
    ("/health/metrics", "how often and when this replica was scraped"),
];

/// Adds all routes; the one that breaks actors only where that is allowed.
pub(super) fn routes(config: &mut ServiceConfig, state: &State) {
    let mut operator = web::scope("/api/admin")
        .wrap(from_fn(admin::authenticate))
        .service(read("/actors", admin::actors))
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
        .service(operator);
}

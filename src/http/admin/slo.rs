//! How the objectives stand.

use actix_web::{HttpResponse, web};

use crate::http::AppState;
use crate::slo::{self, SloReport};

/// Judges the objectives by what this replica knows now.
pub(in crate::http) async fn slo(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(report(&state))
}

/// How the objectives stand now.
pub(super) fn report(state: &AppState) -> SloReport {
    slo::report(&state.replica, &state.metrics, &state.history)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::http::testing::{ask, fresh, get, with_org, with_token};
    use crate::slo::CounterSnapshot;

    #[actix::test]
    async fn every_objective_says_how_it_stands_and_of_which_period() {
        let state = with_org(with_token(fresh(), "t"), "acme");
        state.history.add(CounterSnapshot::now(&state.replica, &state.metrics));
        get(&state, "/metrics").await;
        let request = TestRequest::get().uri("/api/admin/slo").insert_header(("authorization", "Bearer t"));
        let report = ask(&state, request).await.json();
        assert_eq!(report["status"], "met", "{report}");
        let objectives = report["objectives"].as_array().unwrap();
        assert_eq!(objectives.len(), 6);
        for objective in objectives {
            for field in ["name", "objective", "unit", "status", "period", "explanation"] {
                assert!(objective[field].as_str().is_some_and(|text| !text.is_empty()), "{objective}");
            }
        }
        let availability = objectives.iter().find(|o| o["name"] == "metrics_availability").unwrap();
        assert_eq!((&availability["met"], &availability["actual"]), (&true.into(), &1.0.into()));
    }
}

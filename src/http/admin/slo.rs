//! Service level objectives.

use actix_web::{HttpResponse, web};

use crate::admin_api::{ObjectiveReport, ObjectiveUnit, SloAnswer, Verdict};
use crate::http::AppState;
use crate::slo::{self, Objective, SloReport, SloVerdict};

/// Whether the service level objectives are met
#[utoipa::path(
    get,
    path = "/slo",
    responses((status = 200, description = "Each objective with its period.", body = SloAnswer))
)]
pub(in crate::http) async fn slo(state: web::Data<AppState>) -> HttpResponse {
    let SloReport { status, objectives } = report(&state);
    let objectives = objectives.into_iter().map(objective).collect();
    HttpResponse::Ok().json(SloAnswer { status: verdict(status), objectives })
}

fn objective(judged: Objective) -> ObjectiveReport {
    ObjectiveReport {
        name: judged.name.to_owned(),
        org: judged.org,
        objective: judged.objective,
        target: judged.target,
        actual: judged.actual,
        unit: if judged.unit == "ratio" { ObjectiveUnit::Ratio } else { ObjectiveUnit::Seconds },
        met: judged.met,
        status: verdict(judged.status),
        period: judged.period,
        explanation: judged.explanation,
    }
}

fn verdict(judged: SloVerdict) -> Verdict {
    match judged {
        SloVerdict::Met => Verdict::Met,
        SloVerdict::Missed => Verdict::Missed,
        SloVerdict::Unknown => Verdict::Unknown,
    }
}

/// Judges the objectives by the current state of this replica.
fn report(state: &AppState) -> SloReport {
    slo::report(&state.replica, &state.metrics, &state.history)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::http::testing::{ask, fresh, get, with_org, with_token};
    use crate::slo::CounterSnapshot;

    #[actix::test]
    async fn every_objective_has_a_status_a_period_and_an_explanation() {
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

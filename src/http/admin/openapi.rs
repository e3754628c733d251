//! What the API offers, for programs and for people.

use std::sync::LazyLock;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::http::AppState;

/// Written by hand: the types it describes live in rooms that know no HTTP. The tests hold answers against it.
const TEXT: &str = include_str!("openapi.json");
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_default());

/// The description in the form of OpenAPI 3.1.
pub(in crate::http) async fn openapi(state: web::Data<AppState>) -> HttpResponse {
    let mut document = DOCUMENT.clone();
    document["info"]["version"] = json!(state.metrics.build().version);
    HttpResponse::Ok().json(document)
}

/// Which paths there are, and what each is for.
pub(in crate::http) async fn overview() -> HttpResponse {
    let endpoints: Vec<Value> = operations(&DOCUMENT)
        .map(|(path, method, operation)| {
            json!({
                "method": method.to_uppercase(),
                "path": format!("/api/admin{path}"),
                "summary": operation["summary"],
            })
        })
        .collect();
    HttpResponse::Ok().json(json!({ "endpoints": endpoints }))
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::testing::{TestResponse, ask, fresh, with_org, with_token, with_tree};

    async fn operate(state: &AppState, method: &str, path: &str, body: &'static str) -> TestResponse {
        let method = method.to_uppercase().parse().unwrap();
        let request = TestRequest::default().method(method).uri(&format!("/api/admin{path}"));
        ask(state, request.insert_header(("authorization", "Bearer t")).set_payload(body)).await
    }

    #[actix::test]
    async fn everything_described_is_there() {
        let state = with_token(fresh(), "t");
        let document = operate(&state, "get", "/openapi.json", "").await.json();
        assert_eq!(document["info"]["version"], "1.2.3");
        let mut described = 0;
        for (path, method, operation) in operations(&document) {
            let answer = operate(&state, method, &path.replace("{id}", "x"), "").await;
            let status = answer.status.to_string();
            assert!(!operation["responses"][&status].is_null(), "{method} {path} answered {status}");
            assert!(status != "405" && status != "404", "{method} {path}");
            described += 1;
        }
        let overview = operate(&state, "get", "", "").await.json();
        assert_eq!(overview["endpoints"].as_array().map(Vec::len), Some(described));
    }

    #[actix::test]
    async fn answers_are_as_described() {
        let (state, _root) = with_tree(with_org(with_token(fresh(), "t"), "acme")).await;
        let order = r#"{"reason": "a test", "org": "acme"}"#;
        for (method, path, body, schema) in [
            ("post", "/maintenance", order, "MaintenanceStarted"),
            ("get", "/maintenance", "", "Maintenance"),
            ("get", "/status", "", "Status"),
            ("get", "/slo", "", "Slo"),
            ("get", "/actors", "", "Actors"),
            ("delete", "/maintenance", "", "MaintenanceEnded"),
            ("post", "/maintenance", "", "Problem"),
        ] {
            let answer = operate(&state, method, path, body).await.json();
            let schema = json!({
                "$ref": format!("#/components/schemas/{schema}"),
                "components": DOCUMENT["components"],
            });
            let validator = jsonschema::validator_for(&schema).unwrap();
            if let Err(error) = validator.validate(&answer) {
                panic!("{method} {path}: {error} at {}: {answer}", error.instance_path());
            }
        }
    }
}

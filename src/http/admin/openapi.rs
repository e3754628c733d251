//! The description of the admin API, for programs and for people.

use std::sync::LazyLock;

use actix_web::{HttpResponse, web};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi};

use super::{actors, dlq, maintenance, shutdown, slo, status};
use crate::admin_api::{EndpointList, EndpointSummary};
use crate::http::AppState;

/// Where the API is mounted.
const BASE: &str = "/api/admin";

/// The document, made from the annotated handlers and the types they exchange.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "github-stats: the admin API",
        description = "Every read is answered from what the replica knows already; nothing waits for GitHub, the \
                       store or an actor. Times are GitHub's, in UTC."
    ),
    servers((url = "/api/admin")),
    security(("token" = [])),
    paths(
        status::status,
        slo::slo,
        maintenance::show_maintenance,
        maintenance::start_maintenance,
        maintenance::end_maintenance,
        shutdown::shut_down,
        actors::actors,
        dlq::list_dead_letters,
        dlq::reprocess_all,
        dlq::inspect_dead_letter,
        dlq::reprocess,
        dlq::resolve,
        openapi
    ),
    modifiers(&Conventions)
)]
struct AdminApi;

static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(AdminApi::openapi);

/// Schemas whose fields may be absent: requests, and records that leave out what does not apply.
const SPARSE: [&str; 4] = ["MaintenanceOrder", "ComponentFields", "DeadLetter", "Job"];

/// What every operation has in common, and no handler says for itself.
struct Conventions;

impl Modify for Conventions {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, schema) in &mut components.schemas {
            if !SPARSE.contains(&name.as_str()) {
                require_all_fields(schema);
            }
        }
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "server.admin_token. Where none is configured, requests from the same machine need none and all others \
             are refused.",
        ));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        for (_, operation) in document.paths.paths.values_mut().flat_map(operations) {
            refuse(operation, "401", "The bearer token is missing or wrong.");
            refuse(
                operation,
                "403",
                "No token is configured, and the request does not come from this machine.",
            );
        }
    }
}

/// Answers contain every field, with `null` for what is not known; only readers do without.
fn require_all_fields(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            object.required = object.properties.keys().cloned().collect();
            object.properties.values_mut().for_each(remove_default);
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_all_fields),
        _ => {}
    }
}

/// The defaults are for readers of answers from other versions; a replica always sends a value.
fn remove_default(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::Ref(reference) => reference.default = None,
        RefOr::T(Schema::Object(object)) => object.default = None,
        RefOr::T(Schema::Array(array)) => array.default = None,
        RefOr::T(Schema::OneOf(one)) => one.default = None,
        RefOr::T(Schema::AllOf(all)) => all.default = None,
        _ => {}
    }
}

/// Every operation is behind authentication.
fn refuse(operation: &mut Operation, status: &str, description: &str) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response =
        ResponseBuilder::new().description(description).content("application/json", content).build();
    operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let methods = [("GET", &mut path.get), ("POST", &mut path.post), ("DELETE", &mut path.delete)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// This description
///
/// An OpenAPI 3.1 document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = 200, description = "An OpenAPI document.", body = Object))
)]
pub(in crate::http) async fn openapi(state: web::Data<AppState>) -> HttpResponse {
    let mut document = DOCUMENT.clone();
    document.info.version = state.metrics.build().version.clone();
    HttpResponse::Ok().json(document)
}

/// Lists the endpoints and what each is for.
pub(in crate::http) async fn overview() -> HttpResponse {
    let mut paths = DOCUMENT.paths.paths.clone();
    let endpoints = paths.iter_mut().flat_map(|(path, item)| {
        operations(item).map(move |(method, operation)| EndpointSummary {
            method: method.to_owned(),
            path: format!("{BASE}{path}"),
            summary: operation.summary.clone().unwrap_or_default(),
        })
    });
    HttpResponse::Ok().json(EndpointList { endpoints: endpoints.collect() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::testing::{TestResponse, ask, fresh, with_org, with_token, with_tree};

    async fn operate(state: &AppState, method: &str, path: &str, body: &'static str) -> TestResponse {
        let method = method.to_uppercase().parse().unwrap();
        let request = TestRequest::default().method(method).uri(&format!("/api/admin{path}"));
        ask(state, request.insert_header(("authorization", "Bearer t")).set_payload(body)).await
    }

    fn described(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
        let paths = document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (path, method, operation))
        })
    }

    /// Everything the value says with `$ref`.
    fn references(value: &Value) -> Vec<&str> {
        match value {
            Value::Object(fields) => {
                let own = fields.get("$ref").and_then(Value::as_str);
                own.into_iter().chain(fields.values().flat_map(references)).collect()
            }
            Value::Array(items) => items.iter().flat_map(references).collect(),
            _ => Vec::new(),
        }
    }

    #[actix::test]
    async fn the_document_is_valid_openapi() {
        let document = operate(&with_token(fresh(), "t"), "get", "/openapi.json", "").await.json();
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
        assert!(serde_json::from_value::<utoipa::openapi::OpenApi>(document.clone()).is_ok());
        for reference in references(&document) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert!(jsonschema::meta::is_valid(schema), "{name}");
        }
        let mut ids = BTreeSet::new();
        for (path, method, operation) in described(&document) {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            for field in ["summary", "responses"] {
                assert!(!operation[field].is_null(), "{field} of {method} {path}");
            }
            let in_path = operation["parameters"].as_array().into_iter().flatten();
            let in_path =
                in_path.filter(|parameter| parameter["in"] == "path" && parameter["required"] == true);
            assert_eq!(in_path.count(), path.matches('{').count(), "{method} {path}");
        }
    }

    #[actix::test]
    async fn everything_described_is_there() {
        let state = with_token(fresh(), "t");
        let document = operate(&state, "get", "/openapi.json", "").await.json();
        assert_eq!(document["info"]["version"], "1.2.3");
        let mut count = 0;
        for (path, method, operation) in described(&document) {
            let answer = operate(&state, method, &path.replace("{id}", "x"), "").await;
            let status = answer.status.to_string();
            assert!(!operation["responses"][&status].is_null(), "{method} {path} answered {status}");
            assert!(status != "405" && status != "404", "{method} {path}");
            count += 1;
        }
        let overview = operate(&state, "get", "", "").await.json();
        assert_eq!(overview["endpoints"].as_array().map(Vec::len), Some(count));
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
                "components": json!(*DOCUMENT)["components"],
            });
            let validator = jsonschema::validator_for(&schema).unwrap();
            if let Err(error) = validator.validate(&answer) {
                panic!("{method} {path}: {error} at {}: {answer}", error.instance_path());
            }
        }
    }
}

//! Answers satisfy GitHub's OpenAPI description.

use github_sim::{BusyWorld, GithubWorld, Simulator, generate_busy_world};
use serde_json::{Value, json};

use crate::app;
use crate::client::{get, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

/// GitHub's OpenAPI description, converted to JSON Schema.
struct Description {
    paths: Value,
    components: Value,
}

impl Description {
    fn read() -> Self {
        let text = include_str!("../../../tests/data/github-openapi.json");
        let mut document: Value = serde_json::from_str(text).expect("JSON");
        let paths = document["paths"].take();
        let mut components = document["components"].take();
        convert(&mut components);
        Self { paths, components }
    }

    /// Fails unless `body` satisfies the schema of this path's 200.
    fn check(&self, path: &str, target: &str, body: &Value) {
        let errors = self.errors(path, body);
        assert!(errors.is_empty(), "{target}: {errors:#?}");
    }

    fn errors(&self, path: &str, body: &Value) -> Vec<String> {
        self.errors_of(path, "get", "200", body)
    }

    fn errors_of(&self, path: &str, method: &str, status: &str, body: &Value) -> Vec<String> {
        let response = &self.paths[path][method]["responses"][status];
        let mut schema = response["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "tests/data/github-openapi.json has no schema of {path}");
        convert(&mut schema);
        schema["components"] = self.components.clone();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors = validator.iter_errors(body);
        errors.map(|error| format!("{}: {error}", error.instance_path())).take(5).collect()
    }
}

/// Replaces `nullable: true` of OpenAPI 3.0 by a union with null.
fn convert(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(convert),
        Value::Object(fields) => {
            fields.values_mut().for_each(convert);
            // A property may have this name; only the keyword is a boolean.
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
                let inner = schema.take();
                *schema = json!({"anyOf": [inner, {"type": "null"}]});
            }
        }
        _ => {}
    }
}

fn busy_world() -> GithubWorld {
    let mut world = generate_busy_world(BusyWorld::default(), time(NOW));
    world.user("solo").repo("tool");
    world
}

fn first(simulator: &Simulator, target: &str, key: &str) -> String {
    let items = get(simulator, target).json();
    let value = &items[0][key];
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn answers_satisfy_githubs_description() {
    let description = Description::read();
    let simulator = start(busy_world(), NOW);
    let sha = first(&simulator, "/repos/acme/api/commits?page=2", "sha");
    let pull = first(&simulator, "/repos/acme/api/pulls?state=all", "number");
    let repository = "/repos/{owner}/{repo}";
    let of = |rest: &str| format!("{repository}{rest}");
    for (path, target) in [
        ("/rate_limit".to_owned(), "/rate_limit".to_owned()),
        ("/meta".to_owned(), "/meta".to_owned()),
        ("/orgs/{org}".to_owned(), "/orgs/acme".to_owned()),
        ("/users/{username}".to_owned(), "/users/solo".to_owned()),
        ("/users/{username}".to_owned(), "/users/dependabot%5Bbot%5D".to_owned()),
        ("/orgs/{org}/repos".to_owned(), "/orgs/acme/repos".to_owned()),
        ("/users/{username}/repos".to_owned(), "/users/solo/repos".to_owned()),
        ("/orgs/{org}/issues".to_owned(), "/orgs/acme/issues?filter=all".to_owned()),
        (of(""), "/repos/acme/api".to_owned()),
        (of("/branches"), "/repos/acme/api/branches".to_owned()),
        (of("/commits"), "/repos/acme/api/commits?per_page=100".to_owned()),
        (of("/commits/{ref}"), format!("/repos/acme/api/commits/{sha}")),
        (of("/compare/{basehead}"), format!("/repos/acme/api/compare/{sha}...main")),
        (of("/pulls"), "/repos/acme/api/pulls?state=all&per_page=100".to_owned()),
        (of("/pulls/{pull_number}"), format!("/repos/acme/api/pulls/{pull}")),
        (of("/issues"), "/repos/acme/api/issues?state=all&per_page=100".to_owned()),
        (of("/issues/comments"), "/repos/acme/api/issues/comments?per_page=100".to_owned()),
    ] {
        let answer = get(&simulator, &target);
        assert_eq!(answer.status, 200, "{target}");
        description.check(&path, &target, &answer.json());
    }
    get(&simulator, "/repos/acme/api/stats/contributors");
    let statistics = get(&simulator, "/repos/acme/api/stats/contributors").json();
    description.check(&of("/stats/contributors"), "statistics", &statistics);
}

#[test]
fn reviews_satisfy_githubs_description() {
    let description = Description::read();
    let simulator = start(busy_world(), NOW);
    let pulls = get(&simulator, "/repos/acme/api/pulls?state=all&per_page=100").json();
    let mut all = Vec::new();
    for pull in pulls.as_array().expect("a list") {
        let reviews = get(&simulator, &format!("/repos/acme/api/pulls/{}/reviews", pull["number"])).json();
        all.extend(reviews.as_array().cloned().unwrap_or_default());
    }
    assert!(all.iter().any(|review| review["state"] == "PENDING"));
    assert!(all.iter().any(|review| review["user"].is_null()));
    description.check("/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "reviews", &Value::Array(all));
}

#[test]
fn answers_to_apps_satisfy_githubs_description() {
    let description = Description::read();
    let (simulator, web_token) = app::simulator_and_web_token();
    description.check("/app", "/app", &app::with(&simulator, "GET", "/app", &web_token).json());
    for installation in [7, 8] {
        let minted = app::mint(&simulator, installation, &web_token).json();
        let path = "/app/installations/{installation_id}/access_tokens";
        assert_eq!(description.errors_of(path, "post", "201", &minted), Vec::<String>::new());
        let secret = minted["token"].as_str().expect("a token");
        let target = "/installation/repositories";
        description.check(target, target, &app::with(&simulator, "GET", target, secret).json());
    }
}

/// The validation itself finds errors.
#[test]
fn the_description_rejects_what_github_would_not_send() {
    let description = Description::read();
    let simulator = start(busy_world(), NOW);
    let path = "/repos/{owner}/{repo}/commits";
    let good = get(&simulator, "/repos/acme/api/commits?per_page=1").json();
    for (pointer, wrong) in [
        ("/0/parents", json!("none")),
        ("/0/author", json!({"login": "ada"})),
        ("/0/commit/message", Value::Null),
        ("/0/sha", json!(7)),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).expect("a field") = wrong;
        assert!(!description.errors(path, &bad).is_empty(), "{pointer}");
    }
}

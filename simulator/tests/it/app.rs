//! Apps, their JSON web tokens, and the tokens of their installations.

use std::time::Duration;

use github_sim::{App, Commit, Endpoint, GithubWorld, Installation, KeyPair, Options, Simulator};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::client::{ClientResponse, ask, time};

const NOW: &str = "2026-03-20T12:00:00Z";

/// A private key and its public key.
fn keys() -> (String, String) {
    let keys = KeyPair::generate().expect("a key");
    (keys.private_pem().to_owned(), keys.public_pem().to_owned())
}

fn signed(private: &str, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(private.as_bytes()).expect("a key");
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("a web token")
}

fn claims(issuer: Value, issued: i64, expires: i64) -> Value {
    let now = time(NOW).as_second();
    json!({"iss": issuer, "iat": now + issued, "exp": now + expires})
}

fn simulator(public: &str) -> Simulator {
    let mut world = GithubWorld::new();
    for name in ["api", "web"] {
        world.org("acme").repo(name).push(time(NOW), vec![Commit::new("ada", time(NOW))]);
    }
    world.org("other").repo("thing");
    let app = App::new(42, public)
        .installed(Installation::new(7, "acme").hourly_limit(12_500))
        .installed(Installation::new(8, "acme").only_repositories(&["api"]));
    let options = Options::default().with_app(app).starting_at(time(NOW)).frozen();
    Simulator::start(world, options).expect("a simulator")
}

/// A simulator with an app, and a JSON web token of that app.
pub fn simulator_and_web_token() -> (Simulator, String) {
    let (private, public) = keys();
    (simulator(&public), signed(&private, &claims(json!(42), 0, 540)))
}

/// Sends a request with a token.
pub fn with(simulator: &Simulator, method: &str, target: &str, token: &str) -> ClientResponse {
    let authorization = format!("Bearer {token}");
    ask(simulator, method, target, &[("authorization", &authorization)], "").expect("an answer")
}

/// Requests a token of an installation.
pub fn mint(simulator: &Simulator, installation: u64, web_token: &str) -> ClientResponse {
    with(simulator, "POST", &format!("/app/installations/{installation}/access_tokens"), web_token)
}

#[test]
fn an_installation_token_lives_an_hour() {
    let (private, public) = keys();
    let simulator = simulator(&public);
    let web_token = signed(&private, &claims(json!(42), -60, 540));
    assert_eq!(with(&simulator, "GET", "/app", &web_token).json()["id"], 42);
    let minted = mint(&simulator, 7, &web_token);
    assert_eq!((minted.status, &minted.json()["expires_at"]), (201, &json!("2026-03-20T13:00:00Z")));
    assert_eq!(minted.json()["repository_selection"], "all");
    assert_eq!(minted.json()["permissions"]["pull_requests"], "read");
    let secret = minted.json()["token"].as_str().expect("a token").to_owned();
    let listed = with(&simulator, "GET", "/installation/repositories", &secret);
    assert_eq!(
        (&listed.json()["total_count"], listed.header("x-ratelimit-limit")),
        (&json!(2), Some("12500"))
    );
    assert_eq!(with(&simulator, "GET", "/repos/other/thing", &secret).status, 404);
    // Another token of the same installation spends the same points.
    let again = mint(&simulator, 7, &web_token).json()["token"].as_str().expect("a token").to_owned();
    assert_ne!(again, secret);
    let used = with(&simulator, "GET", "/repos/acme/api", &again);
    assert_eq!(used.header("x-ratelimit-used"), Some("3"));
    simulator.advance(Duration::from_secs(3_599));
    assert_eq!(with(&simulator, "GET", "/repos/acme/api", &secret).status, 200);
    simulator.advance(Duration::from_secs(1));
    let expired = with(&simulator, "GET", "/repos/acme/api", &secret);
    assert_eq!((expired.status, &expired.json()["message"]), (401, &json!("Bad credentials")));
    let mints =
        simulator.requests().iter().filter(|one| one.endpoint == Some(Endpoint::InstallationToken)).count();
    assert_eq!((mints, simulator.tokens_minted(), simulator.points_used("core")), (2, 2, 4));
}

#[test]
fn installations_have_access_to_what_they_were_granted() {
    let (private, public) = keys();
    let simulator = simulator(&public);
    let minted = mint(&simulator, 8, &signed(&private, &claims(json!("42"), 0, 600))).json();
    let secret = minted["token"].as_str().expect("a token");
    assert_eq!(minted["repository_selection"], "selected");
    assert_eq!(with(&simulator, "GET", "/repos/acme/web", secret).status, 404);
    let body = json!({"query": "{ viewer { login } organization(login: \"acme\") { repositories(first: 5) { totalCount } } }"});
    let authorization = format!("bearer {secret}");
    let headers = [("authorization", authorization.as_str())];
    let answer =
        ask(&simulator, "POST", "/api/graphql", &headers, &body.to_string()).expect("an answer").json();
    let seen = json!({"viewer": {"login": "simulated-app[bot]"}, "organization": {"repositories": {"totalCount": 1}}});
    assert_eq!(answer["data"], seen);
}

#[test]
fn only_a_valid_json_web_token_is_accepted() {
    let ((private, public), (stranger, _)) = (keys(), keys());
    let simulator = simulator(&public);
    for (web_token, message) in [
        ("nonsense".to_owned(), "A JSON web token could not be decoded"),
        (signed(&stranger, &claims(json!(42), 0, 540)), "A JSON web token could not be decoded"),
        (signed(&private, &claims(json!(43), 0, 540)), "Integration not found"),
        (
            signed(&private, &claims(json!(42), -600, 0)),
            "'Expiration time' claim ('exp') must be a numeric value",
        ),
        (
            signed(&private, &claims(json!(42), 0, 601)),
            "'Expiration time' claim ('exp') is too far in the future",
        ),
        (signed(&private, &claims(json!(42), 30, 540)), "'Issued at' claim ('iat') must be an Integer"),
    ] {
        let refused = mint(&simulator, 7, &web_token);
        let said = refused.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 401 && said.starts_with(message), "{said}");
    }
    let good = signed(&private, &claims(json!(42), 0, 540));
    assert_eq!(mint(&simulator, 9, &good).status, 404);
    assert_eq!(with(&simulator, "GET", "/app/installations/7/access_tokens", &good).status, 404);
    assert_eq!(simulator.tokens_minted(), 0);
}

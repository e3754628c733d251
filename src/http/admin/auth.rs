//! Authentication of operators.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http::AppState;
use crate::http::problem::Problem;

const CHALLENGE: &str = "Bearer realm=\"github-stats\"";
/// Headers by which a proxy marks requests of other clients.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Admits requests with the token or, where none is configured, requests from the same machine.
pub(in crate::http) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let token =
        request.app_data::<web::Data<AppState>>().and_then(|state| (*state.admin.token.get()).clone());
    let admitted = match token.filter(|token| !token.expose_secret().is_empty()) {
        Some(token) => check_token(&request, &token),
        None => check_local(&request),
    };
    match admitted {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(problem.refuse(request)),
    }
}

fn check_token(request: &ServiceRequest, token: &SecretString) -> Result<(), Problem> {
    let credentials = text(request, &header::AUTHORIZATION).and_then(|value| value.split_once(' '));
    let credentials = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match credentials {
        Some((_, given)) if is_same(given.trim(), token.expose_secret()) => Ok(()),
        Some(_) => Err(unauthorized("the bearer token is wrong")),
        None => Err(unauthorized("a bearer token is needed")),
    }
}

fn unauthorized(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, message).with_header(header::WWW_AUTHENTICATE, CHALLENGE)
}

/// Compares digests in constant time; they have the same length whatever the length of the token.
fn is_same(given: &str, expected: &str) -> bool {
    Sha256::digest(given)[..].ct_eq(&Sha256::digest(expected)[..]).into()
}

/// Admits requests from this machine, but not those that a proxy on it forwards, nor those of
/// another site's page in a browser on it, sent directly or to a name that was made to resolve to
/// this machine (DNS rebinding).
fn check_local(request: &ServiceRequest) -> Result<(), Problem> {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let forwarded = FORWARDED.iter().any(|name| request.headers().contains_key(*name));
    let host = text(request, &header::HOST).unwrap_or_default();
    let origin_is_local = text(request, &header::ORIGIN).is_none_or(|origin| {
        origin.parse::<Uri>().ok().and_then(|origin| origin.authority().map(|a| a.as_str() == host))
            == Some(true)
    });
    if peer.is_some_and(|peer| peer.is_loopback()) && !forwarded && names_loopback(host) && origin_is_local {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "the admin API is closed: set server.admin_token to use it from here",
    ))
}

/// Whether the host of a `Host` header is a loopback address or `localhost`, which cannot be
/// redirected.
fn names_loopback(host: &str) -> bool {
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else { return false };
    let name = uri.host().unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn text<'a>(request: &'a ServiceRequest, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::testing::{ask, fresh, with_token};

    fn request(peer: &str, headers: &[(&'static str, &str)]) -> TestRequest {
        let request = TestRequest::get().uri("/api/admin/actors").peer_addr(peer.parse().unwrap());
        headers.iter().fold(request, |request, header| request.insert_header(*header))
    }

    #[actix::test]
    async fn with_a_configured_token_only_that_token_is_accepted() {
        let state = with_token(fresh(), "s3cret");
        let local = ("127.0.0.1:9", ("host", "localhost"));
        for (authorization, status) in [
            (None, 401),
            (Some("Bearer s3cret"), 200),
            (Some("bearer  s3cret"), 200),
            (Some("Bearer wrong"), 401),
            (Some("Bearer s3cre"), 401),
            (Some("Bearer "), 401),
            (Some("Bearer"), 401),
            (Some("Basic s3cret"), 401),
        ] {
            let mut headers = vec![local.1];
            headers.extend(authorization.map(|value| ("authorization", value)));
            let answer = ask(&state, request(local.0, &headers)).await;
            assert_eq!(answer.status, status, "{authorization:?}");
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{authorization:?}");
        }
    }

    #[actix::test]
    async fn the_token_can_be_replaced_at_runtime() {
        let state = with_token(fresh(), "old");
        let new = || request("10.0.0.1:9", &[("authorization", "Bearer new")]);
        assert_eq!(ask(&state, new()).await.status, 401);
        state.admin.token.set(Some(SecretString::from("new")));
        assert_eq!(ask(&state, new()).await.status, 200);
    }

    #[actix::test]
    async fn without_a_token_only_local_requests_are_accepted() {
        for token in [None, Some("")] {
            let state = fresh();
            state.admin.token.set(token.map(SecretString::from));
            for (peer, headers, status) in [
                ("127.0.0.1:9", &[("host", "localhost:8080")][..], 200),
                ("127.0.0.1:9", &[("host", "127.0.0.1:8080")], 200),
                ("[::1]:9", &[("host", "[::1]:8080")], 200),
                ("[::ffff:127.0.0.1]:9", &[("host", "localhost")], 200),
                ("10.0.0.1:9", &[("host", "localhost:8080")], 403),
                ("127.0.0.1:9", &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")], 403),
                ("127.0.0.1:9", &[("host", "localhost"), ("forwarded", "for=10.0.0.1")], 403),
                ("127.0.0.1:9", &[("host", "rebound.example:8080")], 403),
                ("127.0.0.1:9", &[("host", "localhost:8080"), ("origin", "http://localhost:8080")], 200),
                ("127.0.0.1:9", &[("host", "localhost:8080"), ("origin", "https://evil.example")], 403),
                ("127.0.0.1:9", &[("host", "localhost:8080"), ("origin", "null")], 403),
                ("127.0.0.1:9", &[], 403),
                ("127.0.0.1:9", &[("host", "localhost"), ("authorization", "Bearer x")], 200),
                ("10.0.0.1:9", &[("host", "localhost"), ("authorization", "Bearer ")], 403),
            ] {
                assert_eq!(ask(&state, request(peer, headers)).await.status, status, "{peer} {headers:?}");
            }
        }
    }
}

//! What an error response means, according to GitHub's documentation: pure functions.

use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::source::SourceErrorKind;
use serde::Deserialize;

use super::http_response::HttpResponse;

/// The wait after a primary rate limit for which GitHub names no duration.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);

/// What an error response means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorClass {
    pub kind: SourceErrorKind,
    /// What happened, and what to do about it.
    pub detail: String,
    /// How long to wait before a retry, unless a rate limit was hit.
    pub retry_after: Option<Duration>,
    /// The rate limit that was hit, if any.
    pub rate_limit: Option<RateLimitHit>,
}

/// A rate limit that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitHit {
    /// The points of this hour are used up; all are available again after this pause.
    Primary(Duration),
    /// Requests came too fast; GitHub may name the pause it requires.
    Secondary(Option<Duration>),
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: String,
}

/// Classifies an error response received at `now`.
pub fn classify_http_error(response: &HttpResponse, now: Timestamp) -> ErrorClass {
    let message =
        serde_json::from_slice::<ErrorBody>(&response.body).map(|body| body.message).unwrap_or_default();
    let message: String = message.chars().filter(|c| !c.is_control()).take(300).collect();
    let status = response.status.as_u16();
    if let Some(class) = rate_limited(response, &message, now) {
        return class;
    }
    let class =
        |kind, detail| ErrorClass { kind, detail, retry_after: retry_after(response), rate_limit: None };
    match status {
        401 => class(
            SourceErrorKind::Unauthorized,
            format!(
                "GitHub does not accept the token ({message}); give a valid one in github.orgs[].token, token_file or GITHUB_TOKEN"
            ),
        ),
        403 => class(SourceErrorKind::Forbidden, forbidden(response, &message)),
        404 | 410 | 451 => class(
            SourceErrorKind::NotFound,
            format!(
                "GitHub responded with {status} ({message}); check the name, and that the token may read it"
            ),
        ),
        500..=599 | 408 | 429 => {
            class(SourceErrorKind::Unavailable, format!("GitHub responded with {status} {message}"))
        }
        _ => class(
            SourceErrorKind::Malformed,
            format!("GitHub responded with the unexpected status {status} ({message})"),
        ),
    }
}

/// The message decides first: a secondary rate limit can occur with points left and without.
fn rate_limited(response: &HttpResponse, message: &str, now: Timestamp) -> Option<ErrorClass> {
    if !matches!(response.status.as_u16(), 403 | 429) {
        return None;
    }
    let exhausted = response.rate_limit().is_some_and(|limit| limit.remaining == 0);
    if is_secondary_rate_limit(message) {
        return Some(secondary_rate_limit(
            retry_after(response).or(until_reset(response, now).filter(|_| exhausted)),
        ));
    }
    if exhausted || response.status.as_u16() == 429 {
        return Some(primary_rate_limit(response, now));
    }
    None
}

/// Whether an error message is about the secondary rate limit.
pub fn is_secondary_rate_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("secondary rate") || message.contains("abuse detection")
}

/// Requests came too fast.
pub fn secondary_rate_limit(retry_after: Option<Duration>) -> ErrorClass {
    ErrorClass {
        kind: SourceErrorKind::RateLimited,
        detail: "GitHub's secondary rate limit was hit".into(),
        retry_after: None,
        rate_limit: Some(RateLimitHit::Secondary(retry_after)),
    }
}

/// The points of this hour are used up.
pub fn primary_rate_limit(response: &HttpResponse, now: Timestamp) -> ErrorClass {
    let pause = retry_after(response).or(until_reset(response, now)).unwrap_or(DEFAULT_PAUSE);
    ErrorClass {
        kind: SourceErrorKind::RateLimited,
        detail: "GitHub's rate limit is used up".into(),
        retry_after: None,
        rate_limit: Some(RateLimitHit::Primary(pause)),
    }
}

fn until_reset(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    let left = response.rate_limit()?.reset - now.as_unix();
    Some(Duration::from_secs(left.clamp(1, 7200).unsigned_abs()))
}

fn forbidden(response: &HttpResponse, message: &str) -> String {
    let needed =
        response.header("x-accepted-github-permissions").or(response.header("x-accepted-oauth-scopes"));
    match needed.filter(|needed| !needed.is_empty()) {
        Some(needed) => format!("the token lacks a permission ({message}); grant it {needed}"),
        None => format!(
            "the token lacks a permission ({message}); grant it read access to contents, issues, metadata and pull requests"
        ),
    }
}

/// The pause that the header `retry-after` names.
pub fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn classified(status: u16, message: &str, headers: &[(&'static str, &str)]) -> ErrorClass {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let body = Bytes::from(serde_json::json!({ "message": message }).to_string());
        classify_http_error(
            &HttpResponse { status: StatusCode::from_u16(status).unwrap(), headers: map, body },
            NOW,
        )
    }

    #[test]
    fn primary_and_secondary_rate_limits_are_distinguished_as_github_documents_them() {
        let message = "You have exceeded a secondary rate limit. Please wait.";
        let limit = |headers: &[(&'static str, &str)]| classified(403, message, headers).rate_limit;
        let named = [("retry-after", "17"), ("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "1500")];
        assert_eq!(limit(&named), Some(RateLimitHit::Secondary(Some(Duration::from_secs(17)))));
        assert_eq!(limit(&named[1..]), Some(RateLimitHit::Secondary(None)));
        let none_left = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1500")];
        assert_eq!(limit(&none_left), Some(RateLimitHit::Secondary(Some(Duration::from_secs(500)))));
        let class = classified(403, "API rate limit exceeded", &none_left);
        assert_eq!(
            (class.kind, class.rate_limit),
            (SourceErrorKind::RateLimited, Some(RateLimitHit::Primary(Duration::from_secs(500))))
        );
        assert_eq!(classified(429, "slow down", &[]).rate_limit, Some(RateLimitHit::Primary(DEFAULT_PAUSE)));
    }

    #[test]
    fn every_other_error_says_what_to_do() {
        assert_eq!(classified(401, "Bad credentials", &[]).kind, SourceErrorKind::Unauthorized);
        let class =
            classified(403, "Resource not accessible", &[("x-accepted-github-permissions", "issues=read")]);
        assert!(
            class.kind == SourceErrorKind::Forbidden && class.detail.contains("issues=read"),
            "{}",
            class.detail
        );
        assert_eq!(classified(404, "Not Found", &[]).kind, SourceErrorKind::NotFound);
        assert_eq!(classified(502, "", &[]).kind, SourceErrorKind::Unavailable);
        assert_eq!(classified(418, "", &[]).kind, SourceErrorKind::Malformed);
    }
}

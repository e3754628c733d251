//! What an answer that is no success means: pure rules, taken from GitHub's documentation.

use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::source::SourceErrorKind;
use serde::Deserialize;

use super::rest_response::RestResponse;

/// How long a used up limit lasts where GitHub does not say.
const UNTOLD_PAUSE: Duration = Duration::from_secs(60);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorClass {
    /// What kind of trouble.
    pub kind: SourceErrorKind,
    /// What happened, and what to do about it.
    pub detail: String,
    /// How long GitHub wants to be left alone, where it is no limit that says so.
    pub retry_after: Option<Duration>,
    /// Which limit was hit.
    pub limit: Option<LimitHit>,
}

/// A limit that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitHit {
    /// There were too many requests this hour; there are as many again after this pause.
    Primary(Duration),
    /// Requests came too fast; GitHub may name the pause it wants.
    Secondary(Option<Duration>),
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    message: String,
}

/// Judges an answer that is no success, received at `now`.
pub fn classify(answer: &RestResponse, now: Timestamp) -> ErrorClass {
    let said = serde_json::from_slice::<Message>(&answer.body).map(|body| body.message).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
    let status = answer.status.as_u16();
    if let Some(verdict) = limited(answer, &said, now) {
        return verdict;
    }
    let verdict = |kind, detail| ErrorClass { kind, detail, retry_after: retry_after(answer), limit: None };
    match status {
        401 => verdict(
            SourceErrorKind::Unauthorized,
            format!(
                "GitHub does not accept the token ({said}); give a valid one in github.orgs[].token, token_file or GITHUB_TOKEN"
            ),
        ),
        403 => verdict(SourceErrorKind::Forbidden, forbidden(answer, &said)),
        404 | 410 | 451 => verdict(
            SourceErrorKind::NotFound,
            format!("GitHub answers {status} ({said}); check the name, and that the token may see it"),
        ),
        500..=599 | 408 | 429 => {
            verdict(SourceErrorKind::Unavailable, format!("GitHub answers {status} {said}"))
        }
        _ => verdict(
            SourceErrorKind::Malformed,
            format!("GitHub answers {status}, which was not expected here ({said})"),
        ),
    }
}

/// The message decides first: a secondary limit may come with quota left, and with none.
fn limited(answer: &RestResponse, said: &str, now: Timestamp) -> Option<ErrorClass> {
    if !matches!(answer.status.as_u16(), 403 | 429) {
        return None;
    }
    let exhausted = answer.rate_limit().is_some_and(|quota| quota.remaining == 0);
    if is_secondary(said) {
        return Some(secondary(retry_after(answer).or(until_reset(answer, now).filter(|_| exhausted))));
    }
    if exhausted || answer.status.as_u16() == 429 {
        return Some(primary(answer, now));
    }
    None
}

/// Whether a message tells of requests that came too fast.
pub fn is_secondary(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("secondary rate") || said.contains("abuse detection")
}

/// Requests came too fast.
pub fn secondary(named: Option<Duration>) -> ErrorClass {
    ErrorClass {
        kind: SourceErrorKind::RateLimited,
        detail: "GitHub's secondary rate limit was hit".into(),
        retry_after: None,
        limit: Some(LimitHit::Secondary(named)),
    }
}

/// The quota of this hour is used up.
pub fn primary(answer: &RestResponse, now: Timestamp) -> ErrorClass {
    let pause = retry_after(answer).or(until_reset(answer, now)).unwrap_or(UNTOLD_PAUSE);
    ErrorClass {
        kind: SourceErrorKind::RateLimited,
        detail: "GitHub's rate limit is used up".into(),
        retry_after: None,
        limit: Some(LimitHit::Primary(pause)),
    }
}

fn until_reset(answer: &RestResponse, now: Timestamp) -> Option<Duration> {
    let left = answer.rate_limit()?.reset - now.as_unix();
    Some(Duration::from_secs(left.clamp(1, 7200).unsigned_abs()))
}

fn forbidden(answer: &RestResponse, said: &str) -> String {
    let needed = answer.header("x-accepted-github-permissions").or(answer.header("x-accepted-oauth-scopes"));
    match needed.filter(|needed| !needed.is_empty()) {
        Some(needed) => format!("the token lacks a permission ({said}); grant it {needed}"),
        None => format!(
            "the token lacks a permission ({said}); grant it read access to contents, issues, metadata and pull requests"
        ),
    }
}

/// The pause that an answer names.
pub fn retry_after(answer: &RestResponse) -> Option<Duration> {
    answer.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn verdict(status: u16, message: &str, headers: &[(&'static str, &str)]) -> ErrorClass {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let body = Bytes::from(serde_json::json!({ "message": message }).to_string());
        classify(&RestResponse { status: StatusCode::from_u16(status).unwrap(), headers: map, body }, NOW)
    }

    #[test]
    fn limits_are_told_apart_as_github_documents_them() {
        let message = "You have exceeded a secondary rate limit. Please wait.";
        let limit = |headers: &[(&'static str, &str)]| verdict(403, message, headers).limit;
        let named = [("retry-after", "17"), ("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "1500")];
        assert_eq!(limit(&named), Some(LimitHit::Secondary(Some(Duration::from_secs(17)))));
        assert_eq!(limit(&named[1..]), Some(LimitHit::Secondary(None)));
        let none_left = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1500")];
        assert_eq!(limit(&none_left), Some(LimitHit::Secondary(Some(Duration::from_secs(500)))));
        let seen = verdict(403, "API rate limit exceeded", &none_left);
        assert_eq!(
            (seen.kind, seen.limit),
            (SourceErrorKind::RateLimited, Some(LimitHit::Primary(Duration::from_secs(500))))
        );
        assert_eq!(verdict(429, "slow down", &[]).limit, Some(LimitHit::Primary(UNTOLD_PAUSE)));
    }

    #[test]
    fn everything_else_says_what_to_do() {
        assert_eq!(verdict(401, "Bad credentials", &[]).kind, SourceErrorKind::Unauthorized);
        let seen =
            verdict(403, "Resource not accessible", &[("x-accepted-github-permissions", "issues=read")]);
        assert!(
            seen.kind == SourceErrorKind::Forbidden && seen.detail.contains("issues=read"),
            "{}",
            seen.detail
        );
        assert_eq!(verdict(404, "Not Found", &[]).kind, SourceErrorKind::NotFound);
        assert_eq!(verdict(502, "", &[]).kind, SourceErrorKind::Unavailable);
        assert_eq!(verdict(418, "", &[]).kind, SourceErrorKind::Malformed);
    }
}

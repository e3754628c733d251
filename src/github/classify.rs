//! What an answer that is no success means: pure rules, taken from GitHub's documentation.

use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::scheduler::SourceErrorKind;
use serde::Deserialize;

use super::answer::Answer;

/// GitHub asks for at least this pause after a secondary limit that names none.
const SECONDARY_PAUSE: Duration = Duration::from_secs(60);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What kind of trouble.
    pub kind: SourceErrorKind,
    /// What happened, and what to do about it.
    pub detail: String,
    /// How long GitHub wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether requests came too fast, rather than too many of them.
    pub secondary: bool,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    message: String,
}

/// Judges an answer that is no success, received at `now`.
pub fn classify(answer: &Answer, now: Timestamp) -> Verdict {
    let said = serde_json::from_slice::<Message>(&answer.body).map(|body| body.message).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
    let status = answer.status.as_u16();
    if let Some(verdict) = limited(answer, &said, now) {
        return verdict;
    }
    let verdict = |kind, detail| Verdict { kind, detail, retry_after: retry_after(answer), secondary: false };
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
fn limited(answer: &Answer, said: &str, now: Timestamp) -> Option<Verdict> {
    if !matches!(answer.status.as_u16(), 403 | 429) {
        return None;
    }
    let quota = answer.rate_limit();
    let until_reset =
        quota.map(|quota| Duration::from_secs((quota.reset - now.as_unix()).clamp(1, 7200).unsigned_abs()));
    let exhausted = quota.is_some_and(|quota| quota.remaining == 0);
    let secondary = said.to_ascii_lowercase().contains("secondary rate") || said.contains("abuse detection");
    if secondary {
        let pause = retry_after(answer).or(until_reset.filter(|_| exhausted)).unwrap_or(SECONDARY_PAUSE);
        let detail = format!("GitHub's secondary rate limit was hit; pausing for {} s", pause.as_secs());
        return Some(Verdict {
            kind: SourceErrorKind::RateLimited,
            detail,
            retry_after: Some(pause),
            secondary: true,
        });
    }
    if exhausted || answer.status.as_u16() == 429 {
        let pause = retry_after(answer).or(until_reset).unwrap_or(SECONDARY_PAUSE);
        let detail = format!("GitHub's rate limit is used up; it is full again in {} s", pause.as_secs());
        return Some(Verdict {
            kind: SourceErrorKind::RateLimited,
            detail,
            retry_after: Some(pause),
            secondary: false,
        });
    }
    None
}

fn forbidden(answer: &Answer, said: &str) -> String {
    let needed = answer.header("x-accepted-github-permissions").or(answer.header("x-accepted-oauth-scopes"));
    match needed.filter(|needed| !needed.is_empty()) {
        Some(needed) => format!("the token lacks a permission ({said}); grant it {needed}"),
        None => format!(
            "the token lacks a permission ({said}); grant it read access to contents, issues, metadata and pull requests"
        ),
    }
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    answer.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn verdict(status: u16, message: &str, headers: &[(&'static str, &str)]) -> Verdict {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let body = Bytes::from(serde_json::json!({ "message": message }).to_string());
        classify(&Answer { status: StatusCode::from_u16(status).unwrap(), headers: map, body }, NOW)
    }

    #[test]
    fn limits_are_told_apart_as_github_documents_them() {
        let secondary = "You have exceeded a secondary rate limit. Please wait.";
        let seen = verdict(
            403,
            secondary,
            &[("retry-after", "17"), ("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "1500")],
        );
        assert_eq!(
            (seen.kind, seen.secondary, seen.retry_after),
            (SourceErrorKind::RateLimited, true, Some(Duration::from_secs(17)))
        );
        let seen = verdict(403, secondary, &[]);
        assert_eq!((seen.secondary, seen.retry_after), (true, Some(SECONDARY_PAUSE)));
        let seen = verdict(
            403,
            "API rate limit exceeded",
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1500")],
        );
        assert_eq!(
            (seen.kind, seen.secondary, seen.retry_after),
            (SourceErrorKind::RateLimited, false, Some(Duration::from_secs(500)))
        );
        assert_eq!(verdict(429, "slow down", &[]).kind, SourceErrorKind::RateLimited);
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

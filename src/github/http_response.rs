//! An HTTP response, and the headers that pagination, the clock and the rate limiter need.

use bytes::Bytes;
use github_stats_actors::activity::Timestamp;
use http::{HeaderMap, StatusCode, Uri};

use super::meter::RateLimitHeaders;

/// A complete response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl HttpResponse {
    /// When GitHub sent it, from the `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        let text = self.header("date")?;
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Timestamp::from_unix(date.timestamp().as_second()))
    }

    /// The rate limit that it reports.
    pub fn rate_limit(&self) -> Option<RateLimitHeaders> {
        Some(RateLimitHeaders {
            remaining: self.header("x-ratelimit-remaining")?.parse().ok()?,
            reset: self.header("x-ratelimit-reset")?.parse().ok()?,
            limit: self.header("x-ratelimit-limit").and_then(|limit| limit.parse().ok()),
        })
    }

    /// Path and query of the next page. GitHub names an absolute URL; its host is ignored, so that
    /// credentials are sent to the configured server only.
    pub fn next_page(&self) -> Option<String> {
        let links = self.header("link")?;
        let next = links.split(',').find(|link| {
            link.split(';').skip(1).any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"))
        })?;
        let url = next.split(';').next()?.trim().strip_prefix('<')?.strip_suffix('>')?;
        let uri: Uri = url.parse().ok()?;
        uri.path_and_query().map(ToString::to_string)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `2xx` … `5xx`.
    pub fn status_class(&self) -> &'static str {
        match self.status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "1xx",
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn response(headers: &[(&'static str, &str)]) -> HttpResponse {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        HttpResponse { status: StatusCode::OK, headers: map, body: Bytes::new() }
    }

    #[test]
    fn the_host_of_the_next_page_is_ignored() {
        let link = "<https://evil.example/orgs/a/repos?page=1>; rel=\"prev\", <https://evil.example/orgs/a/repos?per_page=100&page=3>; rel=\"next\"";
        assert_eq!(
            response(&[("link", link)]).next_page().as_deref(),
            Some("/orgs/a/repos?per_page=100&page=3")
        );
        assert_eq!(response(&[("link", "<https://x/y>; rel=\"last\"")]).next_page(), None);
        assert_eq!(response(&[("link", "nonsense; rel=\"next\"")]).next_page(), None);
        assert_eq!(response(&[]).next_page(), None);
    }

    #[test]
    fn the_date_is_read_from_the_header() {
        let date = response(&[("date", "Sun, 15 Nov 2026 00:00:00 GMT")]).date();
        assert_eq!(date, Some(Timestamp::from_unix(1_794_700_800)));
        assert_eq!(response(&[("date", "yesterday")]).date(), None);
    }
}

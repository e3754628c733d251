//! Base URLs of HTTP services.

use std::fmt;

use super::ConfigError;
use super::host_port::describe_without_credentials;
use super::node::Node;
use super::value::ConfigValue;

/// An `http` or `https` URL without user, query or trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// GitHub.com's API.
    #[must_use]
    pub fn github() -> Self {
        Self("https://api.github.com".to_owned())
    }

    /// Parses a URL such as `https://github.example.com/api/v3`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let uri: http::Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let usable = matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.host().is_empty()
            && !authority.as_str().contains('@')
            && uri.query().is_none();
        usable.then(|| Self(text.to_owned()))
    }

    /// The URL without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ConfigValue for HttpUrl {
    fn kind() -> String {
        "URL".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        let text = node.text().unwrap_or_default();
        Self::parse(text).ok_or_else(|| ConfigError::WrongType {
            at: node.at.clone(),
            key: key.to_owned(),
            expected: "an http:// or https:// URL without user and query, such as https://api.github.com"
                .to_owned(),
            found: describe_without_credentials(node, text),
        })
    }

    fn encode(&self) -> serde_json::Value {
        self.0.clone().into()
    }
}

/// An optional URL; empty text means none.
impl ConfigValue for Option<HttpUrl> {
    fn kind() -> String {
        HttpUrl::kind()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        match node.text() {
            Some(text) if text.trim().is_empty() => Ok(None),
            _ => HttpUrl::decode(node, key).map(Some),
        }
    }

    fn encode(&self) -> serde_json::Value {
        self.as_ref().map(ToString::to_string).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_without_their_trailing_slash() {
        for (text, url) in [
            ("https://api.github.com/", "https://api.github.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://ghe.example.com/api/v3", "https://ghe.example.com/api/v3"),
        ] {
            assert_eq!(HttpUrl::parse(text).as_ref().map(HttpUrl::as_str), Some(url));
        }
        for text in [
            "",
            "api.github.com",
            "ftp://x",
            "https://",
            "https://u:p@x",
            "https://x?y=1",
            "/x",
            "https://a b",
        ] {
            assert_eq!(HttpUrl::parse(text), None, "{text:?}");
        }
    }
}

//! `host:port`, the address of a server to connect to.

use std::fmt;

use super::ConfigError;
use super::node::{Node, NodeContent};
use super::value::{ConfigValue, text_of};

/// Host and port of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// An IP address or host name; IPv6 addresses without brackets.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

impl HostPort {
    /// Parses `host:port` or `[v6]:port`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_host_port(text.trim())?;
        (!host.is_empty() && port != 0).then(|| Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Splits `host:port`; the host may be empty, an IPv6 address needs its brackets.
pub(super) fn split_host_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())??;
    let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok().then_some(v6)?,
        None => host.chars().all(is_host_char).then_some(host)?,
    };
    Some((host, port))
}

fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

impl ConfigValue for HostPort {
    fn kind() -> String {
        "host:port".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "a server as host:port, such as redis:6379 (no scheme, no user)";
        let text = text_of(node, key, EXPECTED)?;
        Self::parse(text).ok_or_else(|| ConfigError::WrongType {
            at: node.at.clone(),
            key: key.to_owned(),
            expected: EXPECTED.to_owned(),
            found: describe_without_credentials(node, text),
        })
    }

    fn encode(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

/// An optional server; empty text means none.
impl ConfigValue for Option<HostPort> {
    fn kind() -> String {
        HostPort::kind()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        match node.text() {
            Some(text) if text.trim().is_empty() => Ok(None),
            _ => HostPort::decode(node, key).map(Some),
        }
    }

    fn encode(&self) -> serde_json::Value {
        self.as_ref().map(ToString::to_string).unwrap_or_default().into()
    }
}

/// The value as written, without the part of a URL that may contain a password.
pub(super) fn describe_without_credentials(node: &Node, text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, server)) => {
            let content = NodeContent::Text(format!("…@{server}"));
            Node { at: node.at.clone(), content }.describe()
        }
        None => node.describe(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_parsed_and_other_text_is_rejected() {
        for text in ["redis:6379", "10.0.0.1:1", "[fe80::1]:6379", "a_b.c-d:65535"] {
            assert_eq!(HostPort::parse(text).map(|s| s.to_string()).as_deref(), Some(text));
        }
        for text in ["redis", ":6379", "redis:0", "redis://h:1", "u:p@h:1", "[zz]:1", "h:+1", "h:"] {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }
}

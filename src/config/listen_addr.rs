//! The address that the HTTP server listens on.

use std::fmt;

use super::ConfigError;
use super::host_port::split_host_port;
use super::node::Node;
use super::value::{ConfigValue, text_of};

/// Host and port to listen on; `:8080` means all interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddr {
    /// An IP address or host name; IPv6 addresses without brackets.
    pub host: String,
    /// The port; 0 lets the system choose one.
    pub port: u16,
}

impl ListenAddr {
    /// All IPv4 interfaces.
    #[must_use]
    pub fn all_interfaces(port: u16) -> Self {
        Self { host: "0.0.0.0".to_owned(), port }
    }

    /// Parses `host:port`, `[v6]:port` or `:port`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_host_port(text.trim())?;
        Some(match host {
            "" => Self::all_interfaces(port),
            host => Self { host: host.to_owned(), port },
        })
    }

    /// Whether only this machine can connect.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl ConfigValue for ListenAddr {
    fn kind() -> String {
        "address".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "an address with a port, such as 0.0.0.0:8080, [::1]:8080 or :8080";
        Self::parse(text_of(node, key, EXPECTED)?).ok_or_else(|| node.wrong_type(key, EXPECTED))
    }

    fn encode(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_parsed_and_formatted_as_a_socket_address() {
        for (text, spelled) in [
            (":8080", "0.0.0.0:8080"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9", "[::1]:9"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(ListenAddr::parse(text).map(|a| a.to_string()).as_deref(), Some(spelled));
        }
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        for text in ["", "8080", "localhost", ":", ":http", "::1:8080", "host:70000", "http://x:80", "a b:80"]
        {
            assert_eq!(ListenAddr::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn loopback_addresses_are_recognised() {
        let loopback = |text| ListenAddr::parse(text).is_some_and(|a| a.is_loopback());
        assert!(loopback("127.0.0.1:1") && loopback("[::1]:1") && loopback("localhost:1"));
        assert!(!loopback(":8080") && !loopback("10.0.0.1:1"));
    }
}

//! The address that the HTTP server listens on.

use std::fmt;

use super::ConfigError;
use super::host_port::split_host_port;
use super::node::Node;
use super::value::{ConfigValue, text_of, wrong};

/// Host and port to listen on; `:8080` means every interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddr {
    /// An IP address or host name; IPv6 addresses stand without brackets.
    pub host: String,
    /// The port; 0 lets the system choose one.
    pub port: u16,
}

impl ListenAddr {
    /// Every IPv4 interface at `port`.
    #[must_use]
    pub fn everywhere(port: u16) -> Self {
        Self { host: "0.0.0.0".to_owned(), port }
    }

    /// Reads `host:port`, `[v6]:port` or `:port`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_host_port(text.trim())?;
        Some(match host {
            "" => Self::everywhere(port),
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
        Self::parse(text_of(node, key, EXPECTED)?).ok_or_else(|| wrong(node, key, EXPECTED))
    }

    fn encode(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_spells_it_for_a_socket() {
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
    fn refuses_what_cannot_be_listened_on() {
        for text in ["", "8080", "localhost", ":", ":http", "::1:8080", "host:70000", "http://x:80", "a b:80"]
        {
            assert_eq!(ListenAddr::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn knows_loopback() {
        let loopback = |text| ListenAddr::parse(text).is_some_and(|a| a.is_loopback());
        assert!(loopback("127.0.0.1:1") && loopback("[::1]:1") && loopback("localhost:1"));
        assert!(!loopback(":8080") && !loopback("10.0.0.1:1"));
    }
}

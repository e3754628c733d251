//! Query strings.

use jiff::Timestamp;

/// The decoded parameters of a query string, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryString(Vec<(String, String)>);

impl QueryString {
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        };
        Self(pairs.map(split).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A number; an invalid value counts as absent, as on GitHub.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(|value| value.parse().ok())
    }

    /// A time; an invalid value counts as absent.
    pub(crate) fn time(&self, key: &str) -> Option<Timestamp> {
        self.get(key).and_then(|value| value.parse().ok())
    }

    /// The query string with `page` replaced.
    pub(crate) fn with_page(&self, page: usize) -> String {
        let kept = self.0.iter().filter(|(key, _)| key != "page");
        let mut pairs: Vec<String> = kept.map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        pairs.push(format!("page={page}"));
        pairs.join("&")
    }
}

/// Percent-decodes; `+` is a space.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 2;
            }
            None => out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] }),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

//! Times as GitHub writes them, in RFC 3339.

use github_stats_actors::activity::Timestamp;
use serde::{Deserialize, Deserializer};

/// The time in RFC 3339; the Unix epoch for years that it cannot express.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_unix()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

fn parse(text: &str) -> Result<Timestamp, jiff::Error> {
    Ok(Timestamp::from_unix(text.parse::<jiff::Timestamp>()?.as_second()))
}

/// For `#[serde(deserialize_with)]`.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// For `#[serde(deserialize_with)]`.
pub fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| parse(&text)).transpose().map_err(serde::de::Error::custom)
}

//! Durations as text: `250ms`, `30s`, `5m`, `24h`, `7d`, `2w` and sums such as `1h30m`.

use std::time::Duration;

use super::ConfigError;
use super::node::Node;
use super::value::ConfigValue;

/// Nanoseconds of each unit, largest first, except that `ms` is tried before `m`.
const UNITS: [(&str, u128); 6] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];

/// The longest duration, a hundred years, so that sums with clocks cannot overflow.
const MAX: u128 = 36_500 * 86_400_000_000_000;

/// Parses `30s`, `1.5h` or `1h30m`; `None` for anything else, including a number without a unit.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u128 = 0;
    loop {
        let (nanos, after) = parse_term(rest)?;
        total = total.checked_add(nanos).filter(|sum| *sum <= MAX)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    let nanos = u32::try_from(total % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, nanos))
}

/// One number with its unit in nanoseconds, and the rest of the text.
fn parse_term(text: &str) -> Option<(u128, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(digits);
    let (unit, nanos) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
    Some((scaled(number, *nanos)?, &rest[unit.len()..]))
}

/// A decimal number times a whole one, without floating-point rounding.
fn scaled(number: &str, by: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 18 || fraction.len() > 9 || number.ends_with('.') {
        return None;
    }
    let mut nanos = whole.parse::<u128>().ok()?.checked_mul(by)?;
    if !fraction.is_empty() {
        let places = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        nanos = nanos.checked_add(fraction.parse::<u128>().ok()? * by / places)?;
    }
    Some(nanos)
}

/// Formats a duration as in the configuration, exact to the millisecond; a single day is `24h`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    const LARGEST_FIRST: [usize; 5] = [1, 2, 4, 5, 3];
    let mut nanos = duration.as_nanos();
    let mut text = String::new();
    for (unit, size) in LARGEST_FIRST.map(|i| UNITS[i]) {
        let min = if unit == "d" { 2 * size } else { size };
        if nanos >= min {
            text.push_str(&format!("{}{unit}", nanos / size));
            nanos %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

impl ConfigValue for Duration {
    fn kind() -> String {
        "duration".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "a duration with a unit, such as 250ms, 30s, 5m, 24h, 7d, 2w or 1h30m";
        node.text().and_then(parse_duration).ok_or_else(|| node.wrong_type(key, EXPECTED))
    }

    fn encode(&self) -> serde_json::Value {
        format_duration(*self).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_parsed() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
            ("1h0m0s", 3_600_000),
            ("0s", 0),
            ("0m30s", 30_000),
            ("1.5h", 5_400_000),
            (" 10s ", 10_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_rejected() {
        for text in [
            "",
            " ",
            "5",
            "0",
            "5 minutes",
            "-5s",
            "s",
            "1y",
            "5m3",
            ".5s",
            "1.s",
            "1..2s",
            "1h 30m",
            "99999999999999999999d",
            "40000d",
            "5µs",
            "٣s",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn formatted_durations_parse_to_themselves() {
        for text in ["250ms", "30s", "5m", "24h", "7d", "2d12h", "1h30m", "1m30s500ms", "0s"] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Some(text));
        }
    }
}

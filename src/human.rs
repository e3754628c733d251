//! Times and durations in human-readable form.

use std::time::Duration;

use github_stats_actors::activity::Timestamp;

/// The time in UTC and RFC 3339; `None` for years that the format cannot express.
pub fn instant(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_second(at.as_unix()).ok().map(|at| at.to_string())
}

/// A duration in its two largest units, such as `3 h 12 min`; fractions of a second are dropped.
pub fn span(span: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let seconds = span.as_secs();
    let Some(first) = UNITS.iter().position(|(_, unit)| seconds >= *unit) else { return "0 s".to_owned() };
    let (name, unit) = UNITS[first];
    let whole = format!("{} {name}", seconds / unit);
    match UNITS.get(first + 1) {
        Some((name, smaller)) if seconds % unit >= *smaller => {
            format!("{whole} {} {name}", seconds % unit / smaller)
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_in_their_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_659, "1 h"),
            (11_520, "3 h 12 min"),
            (86_400, "1 d"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn times_are_formatted_in_utc() {
        assert_eq!(instant(Timestamp::from_unix(1_800_000_000)).as_deref(), Some("2027-01-15T08:00:00Z"));
        assert_eq!(instant(Timestamp::MAX), None);
    }
}

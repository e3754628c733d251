//! Timestamps as GitHub writes them: whole seconds, in UTC.

use jiff::{SignedDuration, Timestamp};

/// `at` without its fraction of a second, which GitHub's timestamps do not have.
pub(crate) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// RFC 3339 with second precision, as in every body.
pub(crate) fn text(at: Timestamp) -> String {
    whole(at).to_string()
}

/// IMF-fixdate, as in the `Date` header.
pub(crate) fn http_date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&whole(at)).unwrap_or_default()
}

/// `at` plus `seconds`, or `at` on overflow.
pub(crate) fn plus(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}

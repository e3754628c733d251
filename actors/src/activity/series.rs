//! The gauges of one user in one repository, derived from that user's records.

use serde::{Deserialize, Serialize};

use super::{DAY, FactCounts, FactKind, Observation, Timestamp, WEEK, last_complete_week};

/// How long a user's series are exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivitySettings {
    /// Seconds for which a user with a record in a repository keeps gauges there, even at zero.
    pub active_window: i64,
    /// Seconds for which records are kept.
    pub retention: i64,
}

/// The gauges of one user in one repository at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityGauges {
    /// Facts of the last 24 hours by kind.
    pub day: FactCounts,
    /// Lines added in the most recent complete week.
    pub added_weekly: u64,
    /// Lines deleted in the most recent complete week.
    pub removed_weekly: u64,
    /// When the latest fact happened.
    pub last_event: Option<Timestamp>,
    /// Whether a fact lies within the active window, so that gauges are exposed even at zero.
    pub active: bool,
}

impl ActivityGauges {
    /// The sum of two repositories that share a name.
    pub fn combined(self, other: ActivityGauges) -> ActivityGauges {
        let mut day = self.day;
        day.add(other.day);
        ActivityGauges {
            day,
            added_weekly: self.added_weekly + other.added_weekly,
            removed_weekly: self.removed_weekly + other.removed_weekly,
            last_event: self.last_event.max(other.last_event),
            active: self.active || other.active,
        }
    }
}

/// The gauges at `now`. Deleted facts and facts of the future do not count.
pub fn derive_gauges<'a>(
    observations: impl Iterator<Item = (FactKind, &'a Observation)>,
    now: Timestamp,
    settings: ActivitySettings,
) -> ActivityGauges {
    let week = last_complete_week(now);
    let mut gauges = ActivityGauges::default();
    for (kind, seen) in observations.filter(|(_, seen)| !seen.gone && seen.at <= now) {
        if seen.at > now - DAY {
            gauges.day.increment(kind);
        }
        if week.contains(seen.at) {
            gauges.added_weekly += seen.loc.additions;
            gauges.removed_weekly += seen.loc.deletions;
        }
        gauges.active |= seen.at > now - settings.active_window;
        gauges.last_event = gauges.last_event.max(Some(seen.at));
    }
    gauges
}

/// The next instant after `now` at which a record dated `at` changes a value.
pub(super) fn next_change(
    at: Timestamp,
    has_loc: bool,
    now: Timestamp,
    settings: ActivitySettings,
) -> Option<Timestamp> {
    let week_end = last_complete_week(at).to() + WEEK;
    let weekly = if has_loc { [Some(week_end), Some(week_end + WEEK)] } else { [None, None] };
    [
        Some(at),
        Some(at + DAY),
        Some(at + settings.active_window),
        Some(at + settings.retention),
        weekly[0],
        weekly[1],
    ]
    .into_iter()
    .flatten()
    .filter(|instant| *instant > now)
    .min()
}

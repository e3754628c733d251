//! The expected activity gauges, computed the naive way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::ground_truth::{ExpectedFact, ExpectedFactKind};

/// Metric name, organisation, repository, user.
pub type GaugeKey = (&'static str, String, String, String);

/// Gauges by their name and labels.
pub type ExpectedGauges = BTreeMap<GaugeKey, f64>;

/// The rolling gauges and the facts they count.
const ROLLING: [(&str, ExpectedFactKind); 5] = [
    ("gh_activity_commits_24h", ExpectedFactKind::Commit),
    ("gh_activity_prs_opened_24h", ExpectedFactKind::PrOpened),
    ("gh_activity_prs_merged_24h", ExpectedFactKind::PrMerged),
    ("gh_activity_reviews_submitted_24h", ExpectedFactKind::Review),
    ("gh_activity_issue_comments_24h", ExpectedFactKind::IssueComment),
];

/// The series of these facts: those that are not 0, and all series of users who were active within
/// `active_window`.
pub(crate) fn of<'a>(
    facts: impl Iterator<Item = &'a ExpectedFact>,
    now: Timestamp,
    active_window: SignedDuration,
) -> ExpectedGauges {
    let day_ago = now - SignedDuration::from_hours(24);
    let (week_start, week_end) = last_complete_week(now);
    let mut values = ExpectedGauges::new();
    let mut active = BTreeSet::new();
    for fact in facts {
        let key = |name: &'static str| (name, fact.org.clone(), fact.repo.clone(), fact.user.clone());
        for (name, kind) in ROLLING {
            let counts = fact.kind == kind && day_ago < fact.at && fact.at <= now;
            *values.entry(key(name)).or_default() += f64::from(u8::from(counts));
        }
        let weekly = fact.kind == ExpectedFactKind::Commit && week_start <= fact.at && fact.at < week_end;
        let (added, removed) = if weekly { (fact.additions, fact.deletions) } else { (0, 0) };
        *values.entry(key("gh_activity_loc_added_weekly")).or_default() += added as f64;
        *values.entry(key("gh_activity_loc_removed_weekly")).or_default() += removed as f64;
        let last = values.entry(key("gh_activity_last_event_unixtime")).or_default();
        *last = last.max(fact.at.as_second() as f64);
        if now - active_window < fact.at && fact.at <= now {
            active.insert((fact.org.clone(), fact.repo.clone(), fact.user.clone()));
        }
    }
    values.retain(|(_, org, repo, user), value| {
        *value != 0.0 || active.contains(&(org.clone(), repo.clone(), user.clone()))
    });
    values
}

/// The last complete week, from Sunday 00:00 UTC to the next.
fn last_complete_week(now: Timestamp) -> (Timestamp, Timestamp) {
    let mut day = now.to_zoned(TimeZone::UTC).date();
    while day.weekday() != Weekday::Sunday {
        day -= 1.day();
    }
    let midnight =
        |day: jiff::civil::Date| day.to_zoned(TimeZone::UTC).map_or(now, |midnight| midnight.timestamp());
    (midnight(day - 7.days()), midnight(day))
}

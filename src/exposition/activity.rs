//! The metric families of activity: the one table from which pages, OTLP exports and estimates are made.

use github_stats_actors::activity::{FactKind, SeriesRow};

use super::Desc;

const LABELS: &[&str] = &["org", "repo", "user"];

/// A metric family of activity.
pub struct ActivityFamily {
    /// Its description.
    pub desc: Desc,
    /// Its value for a row; `None` where the row has no such series.
    pub(crate) value: fn(&SeriesRow) -> Option<i128>,
}

/// Every family of activity, in the order of the page.
pub static ACTIVITY: &[ActivityFamily] = TABLE;

/// The number of families: the series that one user has in one repository.
pub const ACTIVITY_FAMILIES: usize = TABLE.len();

const TABLE: &[ActivityFamily] = &[
    gauge("gh_activity_commits_24h", "Commits to the default branch in the last 24 hours.", |row| {
        day(row, FactKind::Commit)
    }),
    gauge("gh_activity_prs_opened_24h", "Pull requests opened in the last 24 hours.", |row| {
        day(row, FactKind::PrOpened)
    }),
    gauge("gh_activity_prs_merged_24h", "Pull requests merged in the last 24 hours, by author.", |row| {
        day(row, FactKind::PrMerged)
    }),
    gauge("gh_activity_reviews_submitted_24h", "Reviews submitted in the last 24 hours.", |row| {
        day(row, FactKind::Review)
    }),
    gauge(
        "gh_activity_issue_comments_24h",
        "Comments on issues and pull request conversations in the last 24 hours.",
        |row| day(row, FactKind::IssueComment),
    ),
    gauge(
        "gh_activity_loc_added_weekly",
        "Lines added to the default branch in the most recent complete week, which begins on Sunday in UTC.",
        |row| while_active(row, row.gauges.added_weekly),
    ),
    gauge(
        "gh_activity_loc_removed_weekly",
        "Lines removed from the default branch in the most recent complete week, which begins on Sunday in UTC.",
        |row| while_active(row, row.gauges.removed_weekly),
    ),
    gauge("gh_activity_last_event_unixtime", "When the latest activity happened, in Unix time.", |row| {
        row.gauges.last_event.map(|at| i128::from(at.as_unix()))
    }),
    counter("gh_activity_commits_total", "Commits to the default branch ever collected.", |row| {
        total(row, FactKind::Commit)
    }),
    counter("gh_activity_prs_opened_total", "Pull requests opened, of all ever collected.", |row| {
        total(row, FactKind::PrOpened)
    }),
    counter(
        "gh_activity_prs_merged_total",
        "Pull requests merged, of all ever collected, by author.",
        |row| total(row, FactKind::PrMerged),
    ),
    counter("gh_activity_reviews_submitted_total", "Reviews submitted, of all ever collected.", |row| {
        total(row, FactKind::Review)
    }),
    counter(
        "gh_activity_issue_comments_total",
        "Comments on issues and pull request conversations, of all ever collected.",
        |row| total(row, FactKind::IssueComment),
    ),
];

const fn gauge(
    name: &'static str,
    help: &'static str,
    value: fn(&SeriesRow) -> Option<i128>,
) -> ActivityFamily {
    ActivityFamily { desc: Desc::gauge(name, help, LABELS), value }
}

const fn counter(
    name: &'static str,
    help: &'static str,
    value: fn(&SeriesRow) -> Option<i128>,
) -> ActivityFamily {
    ActivityFamily { desc: Desc::counter(name, help, LABELS), value }
}

/// A gauge is exposed while it is not 0 or its user is active.
fn while_active(row: &SeriesRow, value: u64) -> Option<i128> {
    (value != 0 || row.gauges.active).then_some(i128::from(value))
}

fn day(row: &SeriesRow, kind: FactKind) -> Option<i128> {
    while_active(row, row.gauges.day.get(kind))
}

fn total(row: &SeriesRow, kind: FactKind) -> Option<i128> {
    row.totals.map(|totals| i128::from(totals.get(kind)))
}

/// The number of series of each family in [`ACTIVITY`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesCounts(pub(super) [u64; ACTIVITY_FAMILIES]);

impl SeriesCounts {
    /// Series by the name of their family.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ACTIVITY.iter().map(|family| family.desc.name).zip(self.0)
    }

    /// All series.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

//! The activity families, straight from a snapshot: there may be a million series, so no sample is ever an object.

use std::io;

use github_stats_actors::activity::{Kind as Fact, SeriesRow, SeriesSnapshot};

use super::encoded::{Encoded, Writer};
use super::{Coding, Desc, Format, escape, text};

const LABELS: &[&str] = &["org", "repo", "user"];

/// A family of activity.
pub struct ActivityFamily {
    /// Its description.
    pub desc: Desc,
    /// What it shows of a row; `None` where the row has no such series.
    value: fn(&SeriesRow) -> Option<i128>,
}

/// Every family of activity, in the order of the page.
pub static ACTIVITY: [ActivityFamily; 13] = [
    gauge("gh_activity_commits_24h", "Commits to the default branch in the last 24 hours.", |row| {
        day(row, Fact::Commit)
    }),
    gauge("gh_activity_prs_opened_24h", "Pull requests opened in the last 24 hours.", |row| {
        day(row, Fact::PrOpened)
    }),
    gauge("gh_activity_prs_merged_24h", "Pull requests merged in the last 24 hours, by author.", |row| {
        day(row, Fact::PrMerged)
    }),
    gauge("gh_activity_reviews_submitted_24h", "Reviews submitted in the last 24 hours.", |row| {
        day(row, Fact::Review)
    }),
    gauge(
        "gh_activity_issue_comments_24h",
        "Comments on issues and pull request conversations in the last 24 hours.",
        |row| day(row, Fact::IssueComment),
    ),
    gauge(
        "gh_activity_loc_added_weekly",
        "Lines added to the default branch in the most recent complete week, which begins on Sunday in UTC.",
        |row| shown(row, row.gauges.added_weekly),
    ),
    gauge(
        "gh_activity_loc_removed_weekly",
        "Lines removed from the default branch in the most recent complete week, which begins on Sunday in UTC.",
        |row| shown(row, row.gauges.removed_weekly),
    ),
    gauge("gh_activity_last_event_unixtime", "When the latest activity happened, in Unix time.", |row| {
        row.gauges.last_event.map(|at| i128::from(at.as_unix()))
    }),
    counter("gh_activity_commits_total", "Commits to the default branch ever collected.", |row| {
        total(row, Fact::Commit)
    }),
    counter("gh_activity_prs_opened_total", "Pull requests opened, of all ever collected.", |row| {
        total(row, Fact::PrOpened)
    }),
    counter(
        "gh_activity_prs_merged_total",
        "Pull requests merged, of all ever collected, by author.",
        |row| total(row, Fact::PrMerged),
    ),
    counter("gh_activity_reviews_submitted_total", "Reviews submitted, of all ever collected.", |row| {
        total(row, Fact::Review)
    }),
    counter(
        "gh_activity_issue_comments_total",
        "Comments on issues and pull request conversations, of all ever collected.",
        |row| total(row, Fact::IssueComment),
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

/// A gauge is shown while it is not 0 or its user is active.
fn shown(row: &SeriesRow, value: u64) -> Option<i128> {
    (value != 0 || row.gauges.active).then_some(i128::from(value))
}

fn day(row: &SeriesRow, kind: Fact) -> Option<i128> {
    shown(row, row.gauges.day.get(kind))
}

fn total(row: &SeriesRow, kind: Fact) -> Option<i128> {
    row.totals.map(|totals| i128::from(totals.get(kind)))
}

/// How many series each family of [`ACTIVITY`] has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesCounts([u64; ACTIVITY.len()]);

impl SeriesCounts {
    /// Counts the series of a snapshot.
    pub fn of(snapshot: &SeriesSnapshot) -> Self {
        let mut counts = [0; ACTIVITY.len()];
        for row in &snapshot.rows {
            for (count, family) in counts.iter_mut().zip(&ACTIVITY) {
                *count += u64::from((family.value)(row).is_some());
            }
        }
        SeriesCounts(counts)
    }

    /// Series by the name of their family.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ACTIVITY.iter().map(|family| family.desc.name).zip(self.0)
    }

    /// All series.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The activity families of a snapshot.
///
/// # Errors
/// None but those of the compressor.
pub(super) fn encode(snapshot: &SeriesSnapshot, format: Format, coding: Coding) -> io::Result<Encoded> {
    let labels = Labels::of(&snapshot.rows);
    let mut writer = Writer::new(coding);
    for family in &ACTIVITY {
        let Desc { name, kind, help, .. } = family.desc;
        let mut begun = false;
        for (row, labels) in snapshot.rows.iter().zip(labels.iter()) {
            let Some(value) = (family.value)(row) else { continue };
            let out = writer.buffer();
            if !begun {
                text::header(out, kind, name, help, None, format);
                begun = true;
            }
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(labels);
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            out.push(b'\n');
            writer.pour()?;
        }
    }
    writer.finish(false)
}

/// The label blocks of all rows in one allocation: each is written once and copied into up to 13 families.
struct Labels {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Labels {
    fn of(rows: &[SeriesRow]) -> Self {
        let mut labels = Labels { text: Vec::with_capacity(rows.len() * 64), ends: Vec::new() };
        labels.ends.reserve_exact(rows.len());
        for row in rows {
            let mut lead = "{org=\"";
            for (value, next) in [
                (row.org.as_str(), "\",repo=\""),
                (row.repo.as_str(), "\",user=\""),
                (row.user.as_str(), "\"} "),
            ] {
                labels.text.extend_from_slice(lead.as_bytes());
                escape::label_value(&mut labels.text, value);
                lead = next;
            }
            labels.text.extend_from_slice(lead.as_bytes());
            labels.ends.push(labels.text.len());
        }
        labels
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use github_stats_actors::activity::Gauges;
    use proptest::prelude::*;

    use super::*;
    use crate::exposition::testing::{Series, any_snapshot, read, row, snapshot};

    fn page(snapshot: &SeriesSnapshot, format: Format) -> String {
        let pieces = encode(snapshot, format, Coding::Identity).unwrap().pieces.concat();
        String::from_utf8([pieces.as_slice(), text::end(format)].concat()).unwrap()
    }

    /// What a page must hold, straight from the rules.
    fn expected(snapshot: &SeriesSnapshot, format: Format) -> Series {
        let mut series = Series::new();
        for row in &snapshot.rows {
            let (org, repo, user) = (row.org.to_string(), row.repo.to_string(), row.user.to_string());
            let labels = BTreeMap::from([("org".into(), org), ("repo".into(), repo), ("user".into(), user)]);
            for family in &ACTIVITY {
                let Some(value) = (family.value)(row) else { continue };
                let name = match format {
                    Format::Text => family.desc.name,
                    Format::OpenMetrics => family.desc.name.trim_end_matches("_total"),
                };
                series.insert((name.to_owned(), labels.clone()), value as f64);
            }
        }
        series
    }

    #[test]
    fn a_page_reads_as_documented() {
        let page = page(&snapshot(vec![row("acme", "api", "bob"), row("acme", "api", "ann")]), Format::Text);
        assert!(page.starts_with(
            "# HELP gh_activity_commits_24h Commits to the default branch in the last 24 hours.\n\
             # TYPE gh_activity_commits_24h gauge\n\
             gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"ann\"} 1\n\
             gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"bob\"} 1\n\
             # HELP gh_activity_prs_opened_24h "
        ));
        assert!(page.contains(
            "# TYPE gh_activity_commits_total counter\n\
             gh_activity_commits_total{org=\"acme\",repo=\"api\",user=\"ann\"} 1\n"
        ));
    }

    #[test]
    fn zeros_are_shown_while_active_and_totals_while_retained() {
        let mut active = row("acme", "api", "ann");
        active.gauges = Gauges { active: true, ..Gauges::default() };
        active.totals = None;
        let mut idle = row("acme", "api", "bob");
        idle.gauges = Gauges { removed_weekly: 3, ..Gauges::default() };
        idle.totals = Some(Default::default());
        let snapshot = snapshot(vec![active, idle]);
        let page = page(&snapshot, Format::Text);
        assert!(page.contains("gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"ann\"} 0\n"));
        assert!(!page.contains("gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"bob\"}"));
        assert!(page.contains("gh_activity_loc_removed_weekly{org=\"acme\",repo=\"api\",user=\"bob\"} 3\n"));
        assert!(page.contains("gh_activity_commits_total{org=\"acme\",repo=\"api\",user=\"bob\"} 0\n"));
        assert!(!page.contains("gh_activity_last_event_unixtime"), "a family without samples is left out");
        assert_eq!(
            SeriesCounts::of(&snapshot).total(),
            page.lines().filter(|l| !l.starts_with('#')).count() as u64
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn any_snapshot_reads_back_the_same(snapshot in any_snapshot()) {
            for format in Format::ALL {
                prop_assert_eq!(read(&page(&snapshot, format), format), expected(&snapshot, format));
            }
        }

        /// What the budget of series counts is what is exposed.
        #[test]
        fn rows_know_how_many_series_they_have(snapshot in any_snapshot()) {
            let series: usize = snapshot.rows.iter().map(SeriesRow::series).sum();
            prop_assert_eq!(SeriesCounts::of(&snapshot).total(), series as u64);
        }

        #[test]
        fn families_are_contiguous(snapshot in any_snapshot()) {
            let page = page(&snapshot, Format::Text);
            let mut names: Vec<&str> =
                page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), count);
        }
    }
}

//! Dead letters as people read them.

use std::collections::BTreeMap;

use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{DeadLetter, Job};

use super::backend::ReprocessSummary;
use super::report::DeadLetterReport;
use crate::cli::show::{columns, pairs, visible};
use crate::human;

/// Characters of an error in a list.
const SHORT: usize = 60;

pub(super) fn letters(total: usize, letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "there are no dead letters".to_owned();
    }
    let rows = letters.iter().map(|letter| {
        let job = letter.job.as_ref();
        [
            letter.id.clone(),
            time(letter.died_at),
            letter.reason.as_str().to_owned(),
            job.map_or("-".to_owned(), |job| job.org.to_string()),
            job.map_or("-".to_owned(), |job| job.repo.to_string()),
            letter.history.len().to_string(),
            shortened(&letter.error),
        ]
    });
    let table = columns(["ID", "DIED", "REASON", "ORG", "REPO", "ATTEMPTS", "ERROR"], rows);
    format!("{table}\n{} of {total} dead letters", letters.len())
}

pub(super) fn letter(letter: &DeadLetter) -> String {
    let mut rows = vec![
        ("id", letter.id.clone()),
        ("reason", letter.reason.as_str().to_owned()),
        ("error", letter.error.clone()),
        ("died", time(letter.died_at)),
    ];
    if let Some(job) = &letter.job {
        rows.extend(of_job(job));
    }
    for failure in &letter.history {
        rows.push(("attempt", format!("{} at {}: {}", failure.attempt, time(failure.at), failure.error)));
    }
    rows.extend(letter.excerpt.clone().map(|excerpt| ("begins with", excerpt)));
    pairs(rows)
}

fn of_job(job: &Job) -> Vec<(&'static str, String)> {
    let Job { org, repo, window_start, window_end, reason, attempt, max_attempts, created_at, .. } = job;
    vec![
        ("organisation", org.to_string()),
        ("repository", repo.to_string()),
        ("window", format!("{} to {}", time(*window_start), time(*window_end))),
        ("enqueued for", reason.as_str().to_owned()),
        ("enqueued", time(*created_at)),
        ("attempts", format!("{attempt} of {max_attempts}")),
    ]
}

pub(super) fn reprocessed(outcome: &ReprocessSummary) -> String {
    let done = outcome.reprocessed.iter().map(|done| match &done.job_id {
        Some(job_id) => format!("the dead letter {} is tried again as job {job_id}", done.id),
        None => format!("the dead letter {} was reprocessed before; it runs once", done.id),
    });
    let failed = outcome.failed.iter().map(|failed| failed.error.clone());
    let lines: Vec<String> = done.chain(failed).collect();
    if lines.is_empty() { "there are no dead letters".to_owned() } else { lines.join("\n") }
}

pub(super) fn report(report: &DeadLetterReport) -> String {
    let oldest = report.oldest_unixtime.map_or("-".to_owned(), |at| time(Timestamp::from_unix(at)));
    let summary = pairs(vec![
        ("last hours", report.hours.to_string()),
        ("letters", report.letters.to_string()),
        ("unresolved in all", report.unresolved.to_string()),
        ("the oldest died", oldest),
    ]);
    let parts = [("REASON", &report.by_reason), ("ORG", &report.by_org), ("ERROR", &report.by_error)];
    let tables = parts
        .into_iter()
        .filter(|(_, counts)| !counts.is_empty())
        .map(|(name, counts)| of_counts(name, counts));
    std::iter::once(summary).chain(tables).collect::<Vec<_>>().join("\n")
}

fn of_counts(name: &str, counts: &BTreeMap<String, usize>) -> String {
    columns([name, "LETTERS"], counts.iter().map(|(value, count)| [shortened(value), count.to_string()]))
}

fn shortened(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text,
    }
}

fn time(at: Timestamp) -> String {
    human::instant(at).unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use github_stats_actors::queue::PoisonMessage;

    use super::*;

    #[test]
    fn what_a_stranger_sent_is_shown_without_its_control_characters() {
        let excerpt = "\u{1b}[2J{{{\n".into();
        let poison = PoisonMessage { id: "p".into(), problem: "no job".into(), size: 8, excerpt };
        let letter_ = DeadLetter::of_poison(&poison, Timestamp::from_unix(0));
        let shown = letter(&letter_);
        assert!(!shown.contains('\u{1b}') && shown.contains("{{{"), "{shown}");
        let listed = letters(3, &[letter_]);
        assert!(
            listed.contains("1970-01-01T00:00:00Z") && listed.ends_with("1 of 3 dead letters"),
            "{listed}"
        );
    }
}

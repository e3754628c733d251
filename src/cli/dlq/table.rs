//! Tables of dead letters.

use std::collections::BTreeMap;

use github_stats_actors::activity::Timestamp;

use super::report::DeadLetterStatistics;
use crate::admin_api::{DeadLetterList, DeadLetterView, JobView, ReprocessAnswer};
use crate::cli::show::{columns, pairs, visible};
use crate::human;

/// Characters of an error in a list.
const MAX_ERROR_LENGTH: usize = 60;

pub(super) fn list(list: &DeadLetterList) -> String {
    let DeadLetterList { total, dead_letters } = list;
    if dead_letters.is_empty() {
        return "there are no dead letters".to_owned();
    }
    let rows = dead_letters.iter().map(|dead_letter| {
        let job = dead_letter.job.as_ref();
        [
            dead_letter.id.clone(),
            time(dead_letter.died_at),
            dead_letter.reason.clone(),
            job.map_or("-".to_owned(), |job| job.org.clone()),
            job.map_or("-".to_owned(), |job| job.repo.clone()),
            dead_letter.history.len().to_string(),
            shortened(&dead_letter.error),
        ]
    });
    let table = columns(["ID", "DIED", "REASON", "ORG", "REPO", "ATTEMPTS", "ERROR"], rows);
    format!("{table}\n{} of {total} dead letters", dead_letters.len())
}

pub(super) fn dead_letter(dead_letter: &DeadLetterView) -> String {
    let mut rows = vec![
        ("id", dead_letter.id.clone()),
        ("reason", dead_letter.reason.clone()),
        ("error", dead_letter.error.clone()),
        ("died", time(dead_letter.died_at)),
    ];
    if let Some(job) = &dead_letter.job {
        rows.extend(of_job(job));
    }
    for failure in &dead_letter.history {
        rows.push(("attempt", format!("{} at {}: {}", failure.attempt, time(failure.at), failure.error)));
    }
    rows.extend(dead_letter.excerpt.clone().map(|excerpt| ("begins with", excerpt)));
    pairs(rows)
}

fn of_job(job: &JobView) -> Vec<(&'static str, String)> {
    let JobView { org, repo, window_start, window_end, reason, attempt, max_attempts, created_at, .. } = job;
    vec![
        ("organisation", org.clone()),
        ("repository", repo.clone()),
        ("window", format!("{} to {}", time(*window_start), time(*window_end))),
        ("enqueued for", reason.clone()),
        ("enqueued", time(*created_at)),
        ("attempts", format!("{attempt} of {max_attempts}")),
    ]
}

pub(super) fn reprocessed(answer: &ReprocessAnswer) -> String {
    let done = answer.reprocessed.iter().map(|done| match &done.job_id {
        Some(job_id) => format!("the dead letter {} is enqueued again as job {job_id}", done.id),
        None => format!("the dead letter {} was already reprocessed; the job is not repeated", done.id),
    });
    let failed = answer.failed.iter().map(|failed| failed.error.clone());
    let lines: Vec<String> = done.chain(failed).collect();
    if lines.is_empty() { "there are no dead letters".to_owned() } else { lines.join("\n") }
}

pub(super) fn report(report: &DeadLetterStatistics) -> String {
    let oldest = report.oldest_unixtime.map_or("-".to_owned(), time);
    let summary = pairs(vec![
        ("last hours", report.hours.to_string()),
        ("dead letters", report.dead_letters.to_string()),
        ("total unresolved", report.unresolved.to_string()),
        ("oldest", oldest),
    ]);
    let parts = [("REASON", &report.by_reason), ("ORG", &report.by_org), ("ERROR", &report.by_error)];
    let tables = parts
        .into_iter()
        .filter(|(_, counts)| !counts.is_empty())
        .map(|(name, counts)| of_counts(name, counts));
    std::iter::once(summary).chain(tables).collect::<Vec<_>>().join("\n")
}

fn of_counts(name: &str, counts: &BTreeMap<String, usize>) -> String {
    columns([name, "DEAD LETTERS"], counts.iter().map(|(value, count)| [shortened(value), count.to_string()]))
}

fn shortened(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(MAX_ERROR_LENGTH) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text,
    }
}

/// A Unix time in seconds as RFC 3339.
fn time(at: i64) -> String {
    human::instant(Timestamp::from_unix(at)).unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use github_stats_actors::queue::{DeadLetter, PoisonMessage};

    use super::*;

    #[test]
    fn control_characters_of_a_message_are_not_shown() {
        let excerpt = "\u{1b}[2J{{{\n".into();
        let poison = PoisonMessage { id: "p".into(), problem: "no job".into(), size: 8, excerpt };
        let view = DeadLetterView::of(&DeadLetter::of_poison(&poison, Timestamp::from_unix(0)));
        let shown = dead_letter(&view);
        assert!(!shown.contains('\u{1b}') && shown.contains("{{{"), "{shown}");
        let listed = list(&DeadLetterList { total: 3, dead_letters: vec![view] });
        assert!(
            listed.contains("1970-01-01T00:00:00Z") && listed.ends_with("1 of 3 dead letters"),
            "{listed}"
        );
    }
}

//! Tables of the admin API's answers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::admin_api::{
    ComponentFields, ComponentSummary, FleetSummary, MaintenanceEnded, ObjectiveUnit, OrganisationSummary,
    PauseReport, QueueSummary, SloAnswer, StatusReport,
};
use crate::cli::show::{columns, pairs};
use crate::human;

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// What stands for a value that is not known.
const MISSING: &str = "-";

pub(super) fn status(status: &StatusReport) -> String {
    let role = match status.epoch {
        Some(epoch) => format!("{}, epoch {epoch}", status.role.as_str()),
        None => status.role.as_str().to_owned(),
    };
    let ready = match &status.reason {
        Some(reason) => format!("no: {reason}"),
        None => "yes".to_owned(),
    };
    let (store, memory, actors) = (&status.store, &status.memory, &status.actors);
    let disk = status.disk.as_ref();
    let contents = format!("{} records, {} series", store.records, store.series);
    let summary = pairs([
        ("replica", or_missing(Some(&status.replica))),
        ("version", format!("{} ({})", status.version, status.revision)),
        ("mode", status.mode.as_str().to_owned()),
        ("role", role),
        ("ready", ready),
        ("up for", span(status.uptime_seconds)),
        ("store", part(&store.component, &contents)),
        ("queue", part(&status.queue.component, &backlog(&status.queue))),
        ("election", part(&status.election.component, "")),
        ("github", status.github.as_ref().map_or(MISSING.to_owned(), component)),
        ("memory", of_total(memory.resident_bytes, memory.limit_bytes)),
        ("disk free", of_total(disk.map(|disk| disk.free_bytes), disk.map(|disk| disk.total_bytes))),
        ("actors", format!("{} of {} running, {} restarts", actors.up, actors.total, actors.restarts)),
        ("replicas", replicas(&status.fleet)),
    ]);
    let parts = [summary, organisations(&status.organisations), maintenance(&status.maintenance)];
    parts.join("\n")
}

pub(super) fn slo(answer: &SloAnswer) -> String {
    let rows = answer.objectives.iter().map(|objective| {
        [
            objective.status.as_str().to_owned(),
            objective.name.clone(),
            or_missing(objective.org.as_ref()),
            quantity(Some(objective.target), objective.unit),
            quantity(objective.actual, objective.unit),
            objective.period.clone(),
            objective.explanation.clone(),
        ]
    });
    let table = columns(["STATUS", "OBJECTIVE", "ORG", "TARGET", "ACTUAL", "PERIOD", "WHY"], rows);
    format!("{table}\nobjectives: {}", answer.status.as_str())
}

pub(super) fn maintenance(pauses: &[PauseReport]) -> String {
    if pauses.is_empty() {
        return "nothing is paused".to_owned();
    }
    let rows = pauses.iter().map(|pause| {
        [
            organisation(&pause.org).to_owned(),
            or_missing(pause.until.as_ref()),
            span(Some(pause.remaining_seconds as f64)),
            pause.by.clone(),
            pause.reason.clone(),
        ]
    });
    columns(["PAUSED", "UNTIL", "LEFT", "BY", "REASON"], rows)
}

pub(super) fn ended(answer: &MaintenanceEnded) -> String {
    let ended =
        answer.ended.iter().map(|pause| format!("scraping of {} is resumed", organisation(&pause.org)));
    let ended: Vec<String> = ended.collect();
    let ended = if ended.is_empty() { "no pause was ended".to_owned() } else { ended.join("\n") };
    format!("{ended}\n{}", maintenance(&answer.maintenance))
}

fn organisations(organisations: &BTreeMap<String, OrganisationSummary>) -> String {
    let rows = organisations.iter().map(|(name, org)| {
        let cycle = &org.last_cycle;
        let result = or_missing(cycle.result.as_ref());
        let paused = if org.paused_until.is_some() { ", paused" } else { "" };
        [
            name.clone(),
            format!("{}{paused}", org.state),
            cycle.error.as_ref().map_or(result.clone(), |error| format!("{result}: {error}")),
            or_missing(cycle.at.as_ref()),
            or_missing(org.next_due.as_ref()),
            quantity(org.coverage_ratio, ObjectiveUnit::Ratio),
            span(org.freshness_seconds.map(|seconds| seconds as f64)),
        ]
    });
    columns(["ORG", "STATE", "LAST CYCLE", "ENDED", "NEXT", "COVERAGE", "AGE"], rows)
}

fn organisation(name: &str) -> &str {
    match name {
        "*" => "every organisation",
        name => name,
    }
}

fn backlog(queue: &QueueSummary) -> String {
    let age = queue.oldest_age_seconds.map(|seconds| span(Some(seconds as f64)));
    let age = age.map_or(String::new(), |age| format!(", the oldest {age} old"));
    format!("{} jobs{age}; {} dead letters", queue.depth, queue.dead_letters)
}

/// The assessment of a component, with its contents in between.
fn part(component: &ComponentFields, contents: &str) -> String {
    let status = component.status.map_or(MISSING, |status| status.as_str());
    let parts = [status, contents, component.detail.as_deref().unwrap_or_default()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn component(component: &ComponentSummary) -> String {
    let separator = if component.detail.is_empty() { "" } else { "; " };
    format!("{}{separator}{}", component.status.as_str(), component.detail)
}

fn replicas(fleet: &FleetSummary) -> String {
    let replicas = fleet.replicas.iter();
    let replicas = replicas.map(|replica| format!("{} ({})", replica.replica, replica.role.as_str()));
    replicas.collect::<Vec<_>>().join(", ")
}

fn of_total(part: Option<u64>, total: Option<u64>) -> String {
    let mebibytes = |bytes: u64| format!("{:.0} MiB", bytes as f64 / MEBIBYTE);
    match (part.map(mebibytes), total.map(mebibytes)) {
        (Some(part), Some(total)) => format!("{part} of {total}"),
        (Some(part), None) => part,
        (None, _) => MISSING.to_owned(),
    }
}

fn quantity(value: Option<f64>, unit: ObjectiveUnit) -> String {
    match (value, unit) {
        (Some(ratio), ObjectiveUnit::Ratio) => format!("{:.2} %", ratio * 100.0),
        (seconds, _) => span(seconds),
    }
}

fn span(seconds: Option<f64>) -> String {
    let span = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
    span.map_or(MISSING.to_owned(), human::span)
}

fn or_missing(text: Option<&String>) -> String {
    text.filter(|text| !text.is_empty()).cloned().unwrap_or_else(|| MISSING.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn numbers_have_their_units_and_missing_values_are_dashes() {
        let objective = |unit: &str, target: f64, actual: Value| json!({ "status": "met", "name": "x", "unit": unit, "target": target, "actual": actual });
        let report = json!({
            "status": "missed",
            "objectives": [objective("ratio", 0.999, json!(0.9871)), objective("seconds", 600.0, Value::Null)]
        });
        let table = slo(&from_value(report).unwrap());
        for part in ["99.90 %", "98.71 %", "10 min", "objectives: missed"] {
            assert!(table.contains(part), "{part}: {table}");
        }
    }

    #[test]
    fn control_characters_of_a_reason_are_not_shown() {
        let pauses = json!([{ "org": "*", "reason": "\u{1b}[2Jboo", "remaining_seconds": 3_600 }]);
        let table = maintenance(&from_value::<Vec<PauseReport>>(pauses).unwrap());
        assert!(
            !table.contains('\u{1b}') && table.contains("boo") && table.contains("every organisation"),
            "{table}"
        );
        assert_eq!(maintenance(&[]), "nothing is paused");
    }

    #[test]
    fn an_answer_of_another_version_is_shown_as_far_as_it_is_known() {
        let answer = json!({ "replica": "one", "mode": "dozing", "organisations": { "acme": {} }, "new": 1 });
        let table = status(&from_value(answer).unwrap());
        assert!(
            table.contains("one") && table.contains("acme") && table.contains("nothing is paused"),
            "{table}"
        );
    }
}

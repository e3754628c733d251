//! Answers of the operator's API as people read them.

use std::time::Duration;

use serde_json::Value;

use super::text;
use crate::cli::show::{columns, pairs};
use crate::human;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

pub(super) fn status(status: &Value) -> String {
    let role = match status["epoch"].as_u64() {
        Some(epoch) => format!("{}, epoch {epoch}", text(&status["role"])),
        None => text(&status["role"]).to_owned(),
    };
    let ready = match status["reason"].as_str() {
        Some(reason) => format!("no: {reason}"),
        None => "yes".to_owned(),
    };
    let (store, queue) = (&status["store"], &status["queue"]);
    let summary = pairs([
        ("replica", text(&status["replica"]).to_owned()),
        ("version", format!("{} ({})", text(&status["version"]), text(&status["revision"]))),
        ("mode", text(&status["mode"]).to_owned()),
        ("role", role),
        ("ready", ready),
        ("up for", span(&status["uptime_seconds"])),
        ("store", component(store, &format!("{} records, {} series", store["records"], store["series"]))),
        ("queue", component(queue, &waiting(queue))),
        ("election", component(&status["election"], "")),
        ("github", component(&status["github"], "")),
        ("memory", of_total(&status["memory"]["resident_bytes"], &status["memory"]["limit_bytes"])),
        ("disk free", of_total(&status["disk"]["free_bytes"], &status["disk"]["total_bytes"])),
        (
            "actors",
            format!(
                "{} of {} run, {} restarts",
                status["actors"]["up"], status["actors"]["total"], status["actors"]["restarts"]
            ),
        ),
        ("replicas", replicas(&status["fleet"])),
    ]);
    let parts = [summary, organisations(&status["organisations"]), maintenance(&status["maintenance"])];
    parts.join("\n")
}

pub(super) fn slo(report: &Value) -> String {
    let rows = list(&report["objectives"]).map(|objective| {
        let unit = text(&objective["unit"]);
        [
            text(&objective["status"]).to_owned(),
            text(&objective["name"]).to_owned(),
            text(&objective["org"]).to_owned(),
            quantity(&objective["target"], unit),
            quantity(&objective["actual"], unit),
            text(&objective["period"]).to_owned(),
            text(&objective["explanation"]).to_owned(),
        ]
    });
    let table = columns(["STATUS", "OBJECTIVE", "ORG", "TARGET", "ACTUAL", "PERIOD", "WHY"], rows);
    format!("{table}\nobjectives: {}", text(&report["status"]))
}

pub(super) fn maintenance(pauses: &Value) -> String {
    if list(pauses).next().is_none() {
        return "nothing is paused".to_owned();
    }
    let rows = list(pauses).map(|pause| {
        [
            organisation(&pause["org"]).to_owned(),
            text(&pause["until"]).to_owned(),
            span(&pause["remaining_seconds"]),
            text(&pause["by"]).to_owned(),
            text(&pause["reason"]).to_owned(),
        ]
    });
    columns(["PAUSED", "UNTIL", "LEFT", "BY", "REASON"], rows)
}

pub(super) fn ended(answer: &Value) -> String {
    let ended: Vec<String> = list(&answer["ended"])
        .map(|pause| format!("scraping of {} goes on", organisation(&pause["org"])))
        .collect();
    let ended = if ended.is_empty() { "nothing was ended".to_owned() } else { ended.join("\n") };
    format!("{ended}\n{}", maintenance(&answer["maintenance"]))
}

fn organisations(organisations: &Value) -> String {
    let told = organisations.as_object().into_iter().flatten();
    let rows = told.map(|(name, org)| {
        let cycle = &org["last_cycle"];
        let result = match cycle["error"].as_str() {
            Some(error) => format!("{}: {error}", text(&cycle["result"])),
            None => text(&cycle["result"]).to_owned(),
        };
        let state = match org["paused_until"].as_str() {
            Some(_) => format!("{}, paused", text(&org["state"])),
            None => text(&org["state"]).to_owned(),
        };
        [
            name.clone(),
            state,
            result,
            text(&cycle["at"]).to_owned(),
            text(&org["next_due"]).to_owned(),
            quantity(&org["coverage_ratio"], "ratio"),
            quantity(&org["freshness_seconds"], "seconds"),
        ]
    });
    columns(["ORG", "STATE", "LAST CYCLE", "ENDED", "NEXT", "COVERAGE", "AGE"], rows)
}

fn organisation(name: &Value) -> &str {
    match text(name) {
        "*" => "every organisation",
        name => name,
    }
}

fn waiting(queue: &Value) -> String {
    let age = match queue["oldest_age_seconds"] {
        Value::Null => String::new(),
        ref age => format!(", the oldest {} old", span(age)),
    };
    format!("{} jobs{age}; {} dead letters", queue["depth"], queue["dead_letters"])
}

/// How a part is, what there is in it, and what there is to say.
fn component(part: &Value, content: &str) -> String {
    let told = [text(&part["status"]), content, part["detail"].as_str().unwrap_or_default()];
    told.into_iter().filter(|told| !told.is_empty()).collect::<Vec<_>>().join("; ")
}

fn replicas(fleet: &Value) -> String {
    let one = |peer: &Value| format!("{} ({})", text(&peer["replica"]), text(&peer["role"]));
    list(&fleet["replicas"]).map(one).collect::<Vec<_>>().join(", ")
}

fn of_total(part: &Value, total: &Value) -> String {
    let mebibytes = |bytes: &Value| bytes.as_f64().map(|bytes| format!("{:.0} MiB", bytes / MEBIBYTE));
    match (mebibytes(part), mebibytes(total)) {
        (Some(part), Some(total)) => format!("{part} of {total}"),
        (Some(part), None) => part,
        (None, _) => "-".to_owned(),
    }
}

fn quantity(value: &Value, unit: &str) -> String {
    match (value.as_f64(), unit) {
        (Some(ratio), "ratio") => format!("{:.2} %", ratio * 100.0),
        (Some(_), _) => span(value),
        (None, _) => "-".to_owned(),
    }
}

fn span(seconds: &Value) -> String {
    let span = seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
    span.map_or("-".to_owned(), human::span)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_told_in_their_units_and_what_is_missing_as_a_dash() {
        let objective = |unit: &str, target: f64, actual: Value| json!({ "status": "met", "name": "x", "unit": unit, "target": target, "actual": actual });
        let report = json!({
            "status": "missed",
            "objectives": [objective("ratio", 0.999, json!(0.9871)), objective("seconds", 600.0, Value::Null)]
        });
        let told = slo(&report);
        for part in ["99.90 %", "98.71 %", "10 min", "objectives: missed"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn what_a_stranger_wrote_cannot_move_the_cursor() {
        let pauses = json!([{ "org": "*", "reason": "\u{1b}[2Jboo", "remaining_seconds": 3_600 }]);
        let told = maintenance(&pauses);
        assert!(
            !told.contains('\u{1b}') && told.contains("boo") && told.contains("every organisation"),
            "{told}"
        );
        assert_eq!(maintenance(&json!([])), "nothing is paused");
    }

    #[test]
    fn an_answer_of_another_version_is_shown_as_far_as_it_goes() {
        let told = status(&json!({ "replica": "one", "organisations": { "acme": {} } }));
        assert!(
            told.contains("one") && told.contains("acme") && told.contains("nothing is paused"),
            "{told}"
        );
    }
}

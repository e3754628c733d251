//! Judges the objectives: a pure function.

use std::time::Duration;

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::maintenance::{Pause, pause_of};
use github_stats_actors::queue::QueueState;

use super::counter_snapshot::IN_TIME;
use super::{
    CountHistory, CountedPeriod, CounterSnapshot, CycleCounts, Objective, ResponseCounts, SloReport,
    SloVerdict,
};
use crate::human;
use crate::replica::{OrgReport, OrgReports, ReplicaState};
use crate::telemetry::Metrics;

/// The least ratio of covered to due time of the last day.
const COVERAGE: f64 = 0.99;
/// The greatest age of the newest covered instant, in scrape intervals.
const INTERVALS: f64 = 2.0;
/// The least such age that is required, in seconds: a cycle takes its time however often it is due.
const LEAST_FRESHNESS: f64 = 60.0;
/// The least ratio of cycles that collect everything.
const SUCCESS: f64 = 0.95;
/// The least ratio of responses to `/metrics` that are not errors.
const AVAILABILITY: f64 = 0.999;
/// The least ratio of them that begin in time.
const LATENCY: f64 = 0.99;
/// The greatest age of a backfill job, in seconds.
const BACKLOG: f64 = 6.0 * 3600.0;

const LAST_DAY: &str = "last 24 h";
const NOW: &str = "now";

/// What the objectives are judged by.
#[derive(Clone, Copy, Debug)]
pub struct SloInputs<'a> {
    /// The present time on GitHub's clock.
    pub now: Timestamp,
    /// The organisations as their leaders know them.
    pub organisations: &'a OrgReports,
    /// The pauses that operators have set.
    pub pauses: &'a [Pause],
    /// The state of the backfill queue.
    pub queue: &'a QueueState,
    /// What was counted in the last day.
    pub counted: &'a CountedPeriod,
}

/// Judges every objective by what this replica knows now.
pub fn report(replica: &ReplicaState, metrics: &Metrics, history: &CountHistory) -> SloReport {
    judge(&SloInputs {
        now: replica.clock.now(),
        organisations: &replica.organisations(),
        pauses: &replica.pauses.get(),
        queue: &replica.queue.get(),
        counted: &history.until(&CounterSnapshot::now(replica, metrics)),
    })
}

/// Judges every objective.
pub fn judge(inputs: &SloInputs<'_>) -> SloReport {
    let mut objectives = Vec::new();
    for (name, org) in inputs.organisations {
        let pause = pause_of(inputs.pauses, &OrgName::from(name.as_str()), inputs.now);
        let own = [coverage(org), freshness(org, inputs.now), success(name, inputs.counted)];
        objectives.extend(own.into_iter().map(|claim| claim.excused(pause, inputs.now).judged(Some(name))));
    }
    let responses = inputs.counted.responses;
    let service = [availability(responses), latency(responses), backlog(inputs.queue, inputs.now)];
    objectives.extend(service.into_iter().map(|claim| claim.judged(None)));
    SloReport::of(objectives)
}

/// The condition an objective sets for its number.
#[derive(Clone, Copy)]
enum Demand {
    AtLeast(f64),
    AtMost(f64),
}

/// An objective before it is judged.
struct Claim {
    name: &'static str,
    objective: String,
    demand: Demand,
    unit: &'static str,
    actual: Option<f64>,
    /// Why it is not judged although there is a number.
    excuse: Option<String>,
    period: String,
    explanation: String,
}

impl Claim {
    /// What was paused on purpose is not judged.
    fn excused(mut self, pause: Option<&Pause>, now: Timestamp) -> Self {
        self.excuse = pause.map(|pause| {
            let left = u64::try_from(pause.until.seconds_since(now)).unwrap_or(0);
            format!("not judged: scraping is paused for another {}", human::span(Duration::from_secs(left)))
        });
        self
    }

    fn judged(self, org: Option<&str>) -> Objective {
        let (target, fulfils): (f64, fn(f64, f64) -> bool) = match self.demand {
            Demand::AtLeast(target) => (target, |actual, target| actual >= target),
            Demand::AtMost(target) => (target, |actual, target| actual <= target),
        };
        let met = match &self.excuse {
            Some(_) => None,
            None => self.actual.map(|actual| fulfils(actual, target)),
        };
        let status =
            met.map_or(SloVerdict::Unknown, |met| if met { SloVerdict::Met } else { SloVerdict::Missed });
        Objective {
            name: self.name,
            org: org.map(str::to_owned),
            objective: self.objective,
            target,
            actual: self.actual,
            unit: self.unit,
            met,
            status,
            period: self.period,
            explanation: self.excuse.unwrap_or(self.explanation),
        }
    }
}

fn coverage(org: &OrgReport) -> Claim {
    let explanation = match org.coverage_ratio {
        Some(_) => "covered of what was due up to the last due scrape, the mean over repositories",
        None => "no cycle has ended yet",
    };
    Claim {
        name: "coverage",
        objective: format!("at least {} of what is due is covered", percent(COVERAGE)),
        demand: Demand::AtLeast(COVERAGE),
        unit: "ratio",
        actual: org.coverage_ratio,
        excuse: None,
        period: LAST_DAY.to_owned(),
        explanation: explanation.to_owned(),
    }
}

fn freshness(org: &OrgReport, now: Timestamp) -> Claim {
    let target = (INTERVALS * org.interval_seconds).max(LEAST_FRESHNESS);
    let actual = org.freshness(now).map(|seconds| seconds as f64);
    let explanation = match (actual, &org.last_error) {
        (None, _) => "nothing is covered yet".to_owned(),
        (_, Some(error)) => format!("age of the newest covered instant; the last cycle: {error}"),
        (_, None) => "age of the newest covered instant".to_owned(),
    };
    Claim {
        name: "freshness",
        objective: format!("numbers are at most {} old", span(target)),
        demand: Demand::AtMost(target),
        unit: "seconds",
        actual,
        excuse: None,
        period: NOW.to_owned(),
        explanation,
    }
}

fn success(org: &str, counted: &CountedPeriod) -> Claim {
    let of_org = counted.cycles.as_ref().map(|(period, cycles)| (*period, cycles.get(org).copied()));
    let (period, cycles) = of_org.map_or((None, None), |(period, cycles)| (Some(period), cycles));
    let cycles = cycles.filter(|cycles| cycles.judged > 0.0);
    let explanation = match (period, cycles) {
        (None, _) => "the counts of all replicas cannot be read".to_owned(),
        (_, None) => "no cycle has ended that counts for this objective".to_owned(),
        (_, Some(CycleCounts { succeeded, judged })) => {
            format!("{succeeded:.0} of {judged:.0} cycles collected every repository")
        }
    };
    Claim {
        name: "scrape_success",
        objective: format!("at least {} of the cycles collect everything", percent(SUCCESS)),
        demand: Demand::AtLeast(SUCCESS),
        unit: "ratio",
        actual: cycles.map(|cycles| cycles.succeeded / cycles.judged),
        excuse: None,
        period: counting(period),
        explanation,
    }
}

fn availability(responses: Option<(Duration, ResponseCounts)>) -> Claim {
    let asked = responses.filter(|(_, responses)| responses.answered > 0.0);
    Claim {
        name: "metrics_availability",
        objective: format!("at least {} of the answers to /metrics are not errors", percent(AVAILABILITY)),
        demand: Demand::AtLeast(AVAILABILITY),
        unit: "ratio",
        actual: asked.map(|(_, responses)| 1.0 - responses.failed / responses.answered),
        excuse: None,
        period: counting(responses.map(|(period, _)| period)),
        explanation: match asked {
            Some((_, responses)) => {
                format!(
                    "{:.0} of {:.0} answers of this replica were errors",
                    responses.failed, responses.answered
                )
            }
            None => "this replica has had no requests".to_owned(),
        },
    }
}

fn latency(responses: Option<(Duration, ResponseCounts)>) -> Claim {
    let asked = responses.filter(|(_, responses)| responses.answered > 0.0);
    Claim {
        name: "metrics_latency",
        objective: format!(
            "at least {} of the answers to /metrics begin within {IN_TIME} s",
            percent(LATENCY)
        ),
        demand: Demand::AtLeast(LATENCY),
        unit: "ratio",
        actual: asked.map(|(_, responses)| responses.in_time / responses.answered),
        excuse: None,
        period: counting(responses.map(|(period, _)| period)),
        explanation: match asked {
            Some((_, responses)) => {
                format!(
                    "{:.0} of {:.0} answers of this replica began in time",
                    responses.in_time, responses.answered
                )
            }
            None => "this replica has had no requests".to_owned(),
        },
    }
}

fn backlog(queue: &QueueState, now: Timestamp) -> Claim {
    let age = queue.stats.oldest.map_or(0, |oldest| now.seconds_since(oldest).max(0));
    let explanation = match &queue.last_error {
        Some(error) => format!("the queue cannot be read: {error}"),
        None => format!("age of the oldest of {} backfill jobs", queue.stats.depth),
    };
    Claim {
        name: "backlog_age",
        objective: format!("no window waits longer than {} for its repair", span(BACKLOG)),
        demand: Demand::AtMost(BACKLOG),
        unit: "seconds",
        actual: queue.last_error.is_none().then_some(age as f64),
        excuse: None,
        period: NOW.to_owned(),
        explanation,
    }
}

fn counting(period: Option<Duration>) -> String {
    match period {
        Some(period) if period >= Duration::from_secs(24 * 3600 - 600) => LAST_DAY.to_owned(),
        Some(period) => format!("last {}, since this replica counts", human::span(period)),
        None => LAST_DAY.to_owned(),
    }
}

fn percent(ratio: f64) -> String {
    format!("{} %", (ratio * 10_000.0).round() / 100.0)
}

fn span(seconds: f64) -> String {
    human::span(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use github_stats_actors::queue::QueueStats;

    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// One organisation, whose objectives are judged after an hour.
    struct Case {
        org: OrgReport,
        pauses: Vec<Pause>,
        queue: QueueState,
        counted: CountedPeriod,
    }

    fn all_met() -> Case {
        let hour = Duration::from_secs(3_600);
        let cycles = CycleCounts { succeeded: 19.0, judged: 20.0 };
        let responses = ResponseCounts { answered: 1_000.0, failed: 1.0, in_time: 990.0 };
        Case {
            org: OrgReport {
                interval_seconds: 300.0,
                coverage_ratio: Some(0.99),
                newest: Some(START - 600),
                ..OrgReport::default()
            },
            pauses: Vec::new(),
            queue: QueueState {
                stats: QueueStats { depth: 2, oldest: Some(START - 21_600), dead: 0 },
                ..QueueState::default()
            },
            counted: CountedPeriod {
                cycles: Some((hour, BTreeMap::from([("acme".to_owned(), cycles)]))),
                responses: Some((hour, responses)),
            },
        }
    }

    impl Case {
        fn report(&self) -> SloReport {
            judge(&SloInputs {
                now: START,
                organisations: &BTreeMap::from([("acme".to_owned(), self.org.clone())]),
                pauses: &self.pauses,
                queue: &self.queue,
                counted: &self.counted,
            })
        }

        fn verdict(&self, name: &str) -> SloVerdict {
            self.report()
                .objectives
                .iter()
                .find(|objective| objective.name == name)
                .expect("it is there")
                .status
        }
    }

    #[test]
    fn objectives_at_their_very_limits_are_met() {
        let report = all_met().report();
        assert_eq!(report.objectives.len(), 6);
        assert_eq!(report.status, SloVerdict::Met, "{report:#?}");
        assert!(report.objectives.iter().all(|objective| objective.met == Some(true)), "{report:#?}");
    }

    #[test]
    fn each_objective_is_missed_beyond_its_limit() {
        type Change = fn(&mut Case);
        let changes: [(&str, Change); 6] = [
            ("coverage", |case| case.org.coverage_ratio = Some(0.989)),
            ("freshness", |case| case.org.newest = Some(START - 601)),
            ("scrape_success", |case| {
                let cycles = &mut case.counted.cycles.as_mut().expect("cycles").1;
                cycles.get_mut("acme").expect("acme").succeeded = 18.0;
            }),
            ("metrics_availability", |case| {
                case.counted.responses.as_mut().expect("responses").1.failed = 2.0
            }),
            ("metrics_latency", |case| case.counted.responses.as_mut().expect("responses").1.in_time = 989.0),
            ("backlog_age", |case| case.queue.stats.oldest = Some(START - 21_601)),
        ];
        for (name, change) in changes {
            let mut case = all_met();
            change(&mut case);
            assert_eq!(case.verdict(name), SloVerdict::Missed, "{name}");
            let report = case.report();
            assert_eq!(report.status, SloVerdict::Missed, "{name}");
            assert_eq!(report.objectives.iter().filter(|o| o.met == Some(false)).count(), 1, "{name}");
        }
    }

    #[test]
    fn an_objective_without_a_number_is_neither_met_nor_missed() {
        let nothing = Case {
            org: OrgReport::default(),
            pauses: Vec::new(),
            queue: QueueState { last_error: Some("away".into()), ..QueueState::default() },
            counted: CountedPeriod::default(),
        };
        let report = nothing.report();
        assert_eq!(report.status, SloVerdict::Unknown);
        for objective in report.objectives {
            assert_eq!((objective.met, objective.actual), (None, None), "{}", objective.name);
            assert!(!objective.explanation.is_empty());
        }
        let mut idle = all_met();
        idle.counted.responses = Some((Duration::from_secs(9), ResponseCounts::default()));
        assert_eq!(idle.verdict("metrics_availability"), SloVerdict::Unknown, "there were no requests");
        let mut empty = all_met();
        empty.queue.stats = QueueStats::default();
        assert_eq!(empty.verdict("backlog_age"), SloVerdict::Met, "an empty queue");
    }

    #[test]
    fn a_paused_organisation_is_not_judged_and_the_service_is() {
        let mut case = all_met();
        case.org.newest = Some(START - 9_000);
        assert_eq!(case.verdict("freshness"), SloVerdict::Missed);
        case.pauses = vec![Pause {
            org: Pause::ALL.into(),
            reason: "a test".into(),
            by: "ann".into(),
            from: START - 60,
            until: START + 90,
        }];
        let report = case.report();
        let freshness = report.objectives.iter().find(|objective| objective.name == "freshness").unwrap();
        assert_eq!((freshness.status, freshness.actual), (SloVerdict::Unknown, Some(9_000.0)));
        assert!(freshness.explanation.contains("paused for another 1 min 30 s"), "{freshness:?}");
        assert_eq!(report.status, SloVerdict::Met);
    }

    #[test]
    fn short_intervals_are_not_judged_by_the_second() {
        let mut case = all_met();
        case.org.interval_seconds = 2.0;
        case.org.newest = Some(START - 60);
        assert_eq!(case.verdict("freshness"), SloVerdict::Met);
    }

    #[test]
    fn every_objective_has_a_period() {
        let report = all_met().report();
        let periods: Vec<&str> = report.objectives.iter().map(|o| o.period.as_str()).collect();
        let hour = "last 1 h, since this replica counts";
        assert_eq!(periods, ["last 24 h", "now", hour, hour, hour, "now"]);
        assert_eq!(counting(Some(Duration::from_secs(86_300))), "last 24 h");
    }
}

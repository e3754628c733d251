//! Counters of the last day, so that objectives are judged over a period.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_supervisor::Observable;

use super::{CounterSnapshot, CycleCounts, ResponseCounts};

/// How far back it reaches.
const REACH: Duration = Duration::from_secs(24 * 3600);

/// Counters of the last 24 hours, or since the replica started if that is later. Cheap to clone; clones share
/// everything.
#[derive(Clone, Debug, Default)]
pub struct CountHistory(Observable<Vec<CounterSnapshot>>);

/// What was counted in a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedPeriod {
    /// Cycles by organisation, and the length of the period; `None` where that is not known.
    pub cycles: Option<(Duration, BTreeMap<String, CycleCounts>)>,
    /// Responses, and the length of the period.
    pub responses: Option<(Duration, ResponseCounts)>,
}

impl CountHistory {
    /// How often the counters are added.
    pub const PERIOD: Duration = Duration::from_secs(300);

    /// Whether cycles of a period are known: from the first snapshot on that has them.
    pub fn knows_cycles(&self) -> bool {
        self.0.get().iter().any(|snapshot| snapshot.cycles.is_some())
    }

    /// Adds a snapshot, and removes those that are too old.
    pub fn add(&self, snapshot: CounterSnapshot) {
        self.0.update(|snapshots| {
            snapshots.retain(|known| snapshot.at.saturating_duration_since(known.at) <= REACH);
            snapshots.push(snapshot);
        });
    }

    /// What was counted between the oldest snapshot and `now`.
    pub fn until(&self, now: &CounterSnapshot) -> CountedPeriod {
        let snapshots = self.0.get();
        let recent = || snapshots.iter().filter(|known| now.at.saturating_duration_since(known.at) <= REACH);
        let responses =
            recent().next().map(|first| (now.at - first.at, difference(now.responses, first.responses)));
        let first = recent().find_map(|first| Some((first.at, first.cycles.as_ref()?)));
        let cycles = first.zip(now.cycles.as_ref()).map(|((at, before), after)| {
            let since = |(org, cycles): (&String, &CycleCounts)| {
                let before = before.get(org).copied().unwrap_or_default();
                let succeeded = (cycles.succeeded - before.succeeded).max(0.0);
                (org.clone(), CycleCounts { succeeded, judged: (cycles.judged - before.judged).max(0.0) })
            };
            (now.at - at, after.iter().map(since).collect())
        });
        CountedPeriod { cycles, responses }
    }
}

fn difference(after: ResponseCounts, before: ResponseCounts) -> ResponseCounts {
    ResponseCounts {
        answered: after.answered - before.answered,
        failed: after.failed - before.failed,
        in_time: after.in_time - before.in_time,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    fn snapshot(judged: Option<f64>, answered: f64) -> CounterSnapshot {
        let cycles =
            |judged| BTreeMap::from([("acme".to_owned(), CycleCounts { succeeded: judged, judged })]);
        CounterSnapshot {
            at: Instant::now(),
            cycles: judged.map(cycles),
            responses: ResponseCounts { answered, failed: 0.0, in_time: answered },
        }
    }

    fn judged(counted: &CountedPeriod) -> Option<(u64, f64)> {
        counted.cycles.as_ref().map(|(period, cycles)| (period.as_secs(), cycles["acme"].judged))
    }

    #[tokio::test(start_paused = true)]
    async fn counts_are_those_since_the_oldest_snapshot_of_the_last_day() {
        let history = CountHistory::default();
        assert_eq!(history.until(&snapshot(Some(5.0), 5.0)), CountedPeriod::default());
        history.add(snapshot(None, 10.0));
        advance(Duration::from_secs(60)).await;
        assert_eq!(judged(&history.until(&snapshot(Some(100.0), 12.0))), None, "nothing to compare with");
        assert!(!history.knows_cycles());
        history.add(snapshot(Some(100.0), 12.0));
        advance(Duration::from_secs(60)).await;
        let counted = history.until(&snapshot(Some(103.0), 20.0));
        assert_eq!(judged(&counted), Some((60, 3.0)));
        assert_eq!(
            counted.responses.map(|(period, responses)| (period.as_secs(), responses.answered)),
            Some((120, 10.0))
        );
        assert_eq!(judged(&history.until(&snapshot(None, 20.0))), None, "cut off");
        advance(REACH).await;
        history.add(snapshot(Some(500.0), 70.0));
        advance(Duration::from_secs(5)).await;
        assert_eq!(judged(&history.until(&snapshot(Some(501.0), 71.0))), Some((5, 1.0)));
    }
}

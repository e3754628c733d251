//! Readings of the last day, so that counts can be told of a period and not of all time.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_supervisor::Observable;

use super::{CounterReading, Cycles, Pages};

/// How far back it reaches.
const REACH: Duration = Duration::from_secs(24 * 3600);

/// What a replica counted in the last 24 hours, or since its start where that is later. Cheap to clone; clones share
/// everything.
#[derive(Clone, Debug, Default)]
pub struct CountHistory(Observable<Vec<CounterReading>>);

/// What was counted in a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedPeriod {
    /// The cycles by organisation, and of which period; `None` where that cannot be told.
    pub cycles: Option<(Duration, BTreeMap<String, Cycles>)>,
    /// The answers, and of which period.
    pub pages: Option<(Duration, Pages)>,
}

impl CountHistory {
    /// How often a reading is worth keeping.
    pub const PERIOD: Duration = Duration::from_secs(300);

    /// Whether cycles can be told of a period: not before the first reading that knows them.
    pub fn knows_cycles(&self) -> bool {
        self.0.get().iter().any(|reading| reading.cycles.is_some())
    }

    /// Keeps a reading, and lets go of those that are too old.
    pub fn add(&self, reading: CounterReading) {
        self.0.update(|readings| {
            readings.retain(|known| reading.at.saturating_duration_since(known.at) <= REACH);
            readings.push(reading);
        });
    }

    /// What was counted between the oldest reading kept and `now`.
    pub fn until(&self, now: &CounterReading) -> CountedPeriod {
        let readings = self.0.get();
        let recent = || readings.iter().filter(|known| now.at.saturating_duration_since(known.at) <= REACH);
        let pages = recent().next().map(|first| (now.at - first.at, difference(now.pages, first.pages)));
        let first = recent().find_map(|first| Some((first.at, first.cycles.as_ref()?)));
        let cycles = first.zip(now.cycles.as_ref()).map(|((at, before), after)| {
            let since = |(org, cycles): (&String, &Cycles)| {
                let before = before.get(org).copied().unwrap_or_default();
                let succeeded = (cycles.succeeded - before.succeeded).max(0.0);
                (org.clone(), Cycles { succeeded, judged: (cycles.judged - before.judged).max(0.0) })
            };
            (now.at - at, after.iter().map(since).collect())
        });
        CountedPeriod { cycles, pages }
    }
}

fn difference(after: Pages, before: Pages) -> Pages {
    Pages {
        answered: after.answered - before.answered,
        failed: after.failed - before.failed,
        in_time: after.in_time - before.in_time,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    fn reading(judged: Option<f64>, answered: f64) -> CounterReading {
        let cycles = |judged| BTreeMap::from([("acme".to_owned(), Cycles { succeeded: judged, judged })]);
        CounterReading {
            at: Instant::now(),
            cycles: judged.map(cycles),
            pages: Pages { answered, failed: 0.0, in_time: answered },
        }
    }

    fn judged(counted: &CountedPeriod) -> Option<(u64, f64)> {
        counted.cycles.as_ref().map(|(period, cycles)| (period.as_secs(), cycles["acme"].judged))
    }

    #[tokio::test(start_paused = true)]
    async fn counts_are_told_since_the_oldest_reading_of_the_last_day() {
        let history = CountHistory::default();
        assert_eq!(history.until(&reading(Some(5.0), 5.0)), CountedPeriod::default());
        history.add(reading(None, 10.0));
        advance(Duration::from_secs(60)).await;
        assert_eq!(judged(&history.until(&reading(Some(100.0), 12.0))), None, "nothing to compare with");
        assert!(!history.knows_cycles());
        history.add(reading(Some(100.0), 12.0));
        advance(Duration::from_secs(60)).await;
        let counted = history.until(&reading(Some(103.0), 20.0));
        assert_eq!(judged(&counted), Some((60, 3.0)));
        assert_eq!(
            counted.pages.map(|(period, pages)| (period.as_secs(), pages.answered)),
            Some((120, 10.0))
        );
        assert_eq!(judged(&history.until(&reading(None, 20.0))), None, "cut off");
        advance(REACH).await;
        history.add(reading(Some(500.0), 70.0));
        advance(Duration::from_secs(5)).await;
        assert_eq!(judged(&history.until(&reading(Some(501.0), 71.0))), Some((5, 1.0)));
    }
}

//! How often and when this replica was scraped.

use std::sync::Arc;

use arc_swap::ArcSwap;
use github_stats_actors::activity::Timestamp;
use tokio::time::Instant;

use super::catalogue;
use crate::exposition::MetricFamily;

/// Counts scrapes. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Scrapes(Arc<ArcSwap<ScrapeCount>>);

#[derive(Clone, Copy, Debug)]
struct ScrapeCount {
    total: u64,
    /// When the last scrape was; before the first one, when counting began.
    since: Instant,
    last: Option<Timestamp>,
}

/// The scrapes of this replica up to now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScrapeReport {
    /// Scrapes since the process started.
    pub total: u64,
    /// Seconds since the last one, or since the start.
    pub seconds_since_last: f64,
    /// When the last one was, on GitHub's clock; `None` before the first.
    pub last: Option<Timestamp>,
}

impl Scrapes {
    /// No scrapes yet.
    pub fn new() -> Self {
        Scrapes(Arc::new(ArcSwap::from_pointee(ScrapeCount { total: 0, since: Instant::now(), last: None })))
    }

    /// Counts a scrape at `now`. The report includes it, except that `seconds_since_last` is the
    /// time since the scrape before.
    pub fn record(&self, now: Timestamp) -> ScrapeReport {
        let instant = Instant::now();
        let counted =
            |count: &ScrapeCount| ScrapeCount { total: count.total + 1, since: instant, last: Some(now) };
        let before = self.0.rcu(|count| counted(count));
        let after = counted(&before);
        ScrapeReport { seconds_since_last: before.seconds_since(instant), ..after.report(instant) }
    }

    /// The scrapes up to now.
    pub fn report(&self) -> ScrapeReport {
        self.0.load().report(Instant::now())
    }
}

impl Default for Scrapes {
    fn default() -> Self {
        Scrapes::new()
    }
}

impl ScrapeCount {
    fn report(&self, now: Instant) -> ScrapeReport {
        ScrapeReport { total: self.total, seconds_since_last: self.seconds_since(now), last: self.last }
    }

    fn seconds_since(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.since).as_secs_f64()
    }
}

impl ScrapeReport {
    /// The report as metrics of `replica`.
    pub fn families(&self, replica: &str) -> Vec<MetricFamily> {
        let labels = [replica];
        let mut families = vec![
            catalogue::SCRAPES.family().with(&labels, self.total as f64),
            catalogue::SINCE_LAST_SCRAPE.family().with(&labels, self.seconds_since_last),
        ];
        if let Some(last) = self.last {
            families.push(catalogue::LAST_SCRAPE.family().with(&labels, last.as_unix() as f64));
        }
        families
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_scrape_reports_the_one_before_and_resets_the_age() {
        let scrapes = Scrapes::new();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(scrapes.report(), ScrapeReport { total: 0, seconds_since_last: 7.0, last: None });
        let first = scrapes.record(Timestamp::from_unix(100));
        let last = Some(Timestamp::from_unix(100));
        assert_eq!(first, ScrapeReport { total: 1, seconds_since_last: 7.0, last });
        tokio::time::advance(Duration::from_secs(15)).await;
        assert_eq!(scrapes.record(Timestamp::from_unix(115)).seconds_since_last, 15.0);
        assert_eq!(scrapes.report().seconds_since_last, 0.0);
    }
}

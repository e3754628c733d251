//! The estimated cost of collecting an organisation: arithmetic with the assumptions as constants.

use std::time::Duration;

use crate::exposition::ACTIVITY_FAMILIES;

/// Pull requests and issues that change with a push.
const THREADS_PER_CHANGE: f64 = 2.5;
/// Repositories whose branches are read by one query, which costs a point.
const BRANCHES_PER_POINT: f64 = 20.0;
/// Pull requests and issues on a page of search results, which costs a point.
const THREADS_PER_POINT: f64 = 49.0;
/// Repositories whose pull requests and issues are read again for a point.
const REREAD_PER_POINT: f64 = 14.0;
/// Repositories for which up to one point an hour is spent on finding deleted reviews and comments.
const REPOSITORIES_PER_CHECK: f64 = 25.0;
/// REST requests for one repository and cycle, besides those for changes.
const REST_PER_REPOSITORY: f64 = 2.0;
/// REST requests for each push: branch, comparison, reviews. Lines of code come from statistics,
/// requested once a day.
const REST_PER_CHANGE: f64 = 3.5;
/// People in an active repository; the real number is known only once it is collected.
const PEOPLE: f64 = 5.0;
/// Series of one person in one repository.
const SERIES: f64 = ACTIVITY_FAMILIES as f64;
/// Memory of a series, as measured with a million of them, and of a repository's state.
const BYTES_PER_SERIES: f64 = 210.0;
const BYTES_PER_REPOSITORY: f64 = 1_024.0;

/// What is known about an organisation before it is collected.
#[derive(Clone, Copy, Debug)]
pub struct OrganisationSize {
    /// Repositories to collect.
    pub repositories: usize,
    /// Repositories pushed to within the last day.
    pub pushed_today: usize,
    /// Repositories pushed to within the active window.
    pub active: usize,
    /// Time between two cycles.
    pub interval: Duration,
    /// Whether GraphQL is used.
    pub graphql: bool,
}

/// The estimated cost of collecting an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostEstimate {
    /// GraphQL points an hour.
    pub graphql_points: u64,
    /// REST requests an hour.
    pub core_points: u64,
    /// Points of the first scrape, of whichever API is used.
    pub first_scrape: u64,
    /// Number of series.
    pub series: u64,
    /// Memory for them, in bytes.
    pub bytes: u64,
}

impl OrganisationSize {
    /// Estimates the cost of collecting it.
    pub fn estimate(&self) -> CostEstimate {
        let cycles = 3_600.0 / self.interval.as_secs_f64().max(1.0);
        let repositories = self.repositories as f64;
        // A repository is pushed to several times on a busy day.
        let changes = (self.pushed_today as f64 * 2.0 / 24.0 / cycles).min(repositories);
        let listing = (repositories / 100.0).ceil();
        let series = self.active as f64 * PEOPLE * SERIES;
        let (graphql, core, first) = if self.graphql {
            let found = (changes * THREADS_PER_CHANGE / THREADS_PER_POINT).ceil().max(1.0);
            let cycle = found + (changes / BRANCHES_PER_POINT).ceil();
            let touched = (changes * cycles * 2.0).min(repositories);
            let reread = 2.0 * touched / REREAD_PER_POINT;
            let checks = (touched / REPOSITORIES_PER_CHECK).min(repositories / REPOSITORIES_PER_CHECK);
            (
                cycles * cycle + listing + reread + checks,
                changes * cycles * 0.05,
                listing + repositories * 0.35,
            )
        } else {
            let cycle = listing + REST_PER_REPOSITORY * repositories + REST_PER_CHANGE * changes;
            (0.0, cycles * cycle, listing + repositories * 4.0 + self.active as f64 * 15.0)
        };
        let whole = |number: f64| number.ceil() as u64;
        CostEstimate {
            graphql_points: whole(graphql),
            core_points: whole(core),
            first_scrape: whole(first),
            series: whole(series),
            bytes: whole(series * BYTES_PER_SERIES + repositories * BYTES_PER_REPOSITORY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(repositories: usize, pushed_today: usize, graphql: bool) -> OrganisationSize {
        OrganisationSize {
            repositories,
            pushed_today,
            active: pushed_today,
            interval: Duration::from_secs(300),
            graphql,
        }
    }

    #[test]
    fn an_idle_organisation_costs_a_point_a_cycle_and_its_listing() {
        let idle = size(1_000, 0, true).estimate();
        assert_eq!((idle.graphql_points, idle.core_points, idle.series), (22, 0, 0));
    }

    #[test]
    fn rest_costs_grow_with_repositories_and_graphql_costs_with_changes() {
        let (graphql, rest) = (size(1_000, 1_000, true).estimate(), size(1_000, 1_000, false).estimate());
        assert!(graphql.graphql_points < 100, "{graphql:?}");
        assert!(rest.core_points > 24_000, "{rest:?}");
    }

    #[test]
    fn the_estimate_is_close_to_the_measurement() {
        // 2% of 1,000 repositories every five minutes were measured at 45 to 109 points an hour,
        // the first scrape at 316.
        let mut busy = size(1_000, 1_000, true);
        busy.pushed_today = 2_880;
        let estimate = busy.estimate();
        assert!((60..200).contains(&estimate.graphql_points), "{estimate:?}");
        assert!((250..450).contains(&estimate.first_scrape), "{estimate:?}");
    }
}

//! What replicas tell each other about a rate limiter, because GitHub counts their requests
//! together.

use github_stats_actors::activity::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::api_resource::ApiResource;
use super::budget::RateLimitStatus;
use super::limiter_state::{LimiterState, timestamp_after};
use super::wait_reason::WaitReason;

/// Seconds until a report has reached the other replicas. Each replica assumes that the others have
/// meanwhile gone on spending points at the rate of their last minute.
const REPORT_DELAY: u64 = 2;

/// What a replica knows about the limits of one set of credentials, and what it uses of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimiterReport {
    /// The account whose limits these are.
    #[serde(default)]
    account: Option<u64>,
    core: ResourceReport,
    graphql: ResourceReport,
    /// When the wait for GitHub's secondary rate limit ends.
    secondary_until: Option<Timestamp>,
}

/// The part of a report that concerns one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ResourceReport {
    /// The limit that the latest response reported.
    #[serde(rename = "told")]
    status: Option<RateLimitStatus>,
    /// Points of requests in flight.
    reserved: u64,
    /// Points spent in the last minute.
    minute: u64,
    /// When the wait for GitHub's primary rate limit ends.
    #[serde(rename = "used_up_until")]
    exhausted_until: Option<Timestamp>,
}

impl RateLimiterReport {
    /// A report about this state.
    pub(super) fn of(state: &mut LimiterState, instant: Instant, now: Timestamp) -> Self {
        let mut report = RateLimiterReport { account: state.account, ..RateLimiterReport::default() };
        for resource in ApiResource::ALL {
            let mandated = state.mandated_waits.until(resource, instant, now);
            let until = |reason| {
                let (until, _) = mandated.filter(|(_, mandated)| *mandated == reason)?;
                Some(timestamp_after(until.saturating_duration_since(instant), now))
            };
            report.secondary_until = report.secondary_until.max(until(WaitReason::SecondaryLimit));
            let limits = state.resource(resource);
            *report.resource_mut(resource) = ResourceReport {
                status: limits.budget.status(),
                reserved: limits.budget.reserved(),
                minute: limits.minute.points_of_last_minute(instant),
                exhausted_until: until(WaitReason::PrimaryLimit),
            };
        }
        report
    }

    /// Takes the reports of all other replicas into account, as far as they concern the same
    /// account.
    pub(super) fn merge(
        reports: &[RateLimiterReport],
        state: &mut LimiterState,
        instant: Instant,
        now: Timestamp,
    ) {
        let account = state.account;
        let is_same_account = |report: &&RateLimiterReport| {
            account.is_none() || report.account.is_none() || report.account == account
        };
        let reports: Vec<&RateLimiterReport> = reports.iter().filter(is_same_account).collect();
        for resource in ApiResource::ALL {
            let reports: Vec<&ResourceReport> =
                reports.iter().map(|report| report.resource(resource)).collect();
            merge_resource(&reports, resource, state, instant);
        }
        if let Some(until) = reports.iter().filter_map(|report| report.secondary_until).max() {
            state.mandated_waits.merge_secondary(until, instant, now);
        }
    }

    fn resource(&self, resource: ApiResource) -> &ResourceReport {
        match resource {
            ApiResource::Core => &self.core,
            ApiResource::Graphql => &self.graphql,
        }
    }

    fn resource_mut(&mut self, resource: ApiResource) -> &mut ResourceReport {
        match resource {
            ApiResource::Core => &mut self.core,
            ApiResource::Graphql => &mut self.graphql,
        }
    }
}

fn merge_resource(
    reports: &[&ResourceReport],
    resource: ApiResource,
    state: &mut LimiterState,
    instant: Instant,
) {
    let own = state.resource(resource);
    reports.iter().filter_map(|report| report.status).for_each(|status| own.budget.observe(status));
    let minute: u64 = reports.iter().map(|report| report.minute).sum();
    let reserved: u64 = reports.iter().map(|report| report.reserved).sum();
    own.budget.set_reserved_by_others(reserved + minute * REPORT_DELAY / 60);
    own.minute.set_spent_by_others(minute, instant);
    if let Some(until) = reports.iter().filter_map(|report| report.exhausted_until).max() {
        state.mandated_waits.impose_primary(resource, until);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use github_stats_actors::activity::OrgName;
    use github_stats_actors::clock::Clock;
    use github_stats_actors::source::RequestPriority;

    use super::super::{PermitRequest, QuotaRefusal, RateLimiter, RateLimiterSettings, RequestPermit};
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn rate_limiters() -> [Arc<RateLimiter>; 2] {
        let clock = Clock::starting_at(START);
        [(); 2].map(|()| RateLimiter::new(RateLimiterSettings::default(), clock.clone()))
    }

    async fn permit(limiter: &Arc<RateLimiter>, cost: u64) -> Result<RequestPermit, QuotaRefusal> {
        let org = OrgName::from("acme");
        let request = PermitRequest {
            org: &org,
            resource: ApiResource::Core,
            cost,
            priority: RequestPriority::Live,
            cap: None,
        };
        limiter.wait_until_allowed(request).await
    }

    #[tokio::test(start_paused = true)]
    async fn limits_and_usage_of_one_replica_count_for_the_other() {
        let [one, other] = rate_limiters();
        one.record_status(
            ApiResource::Core,
            RateLimitStatus { limit: 300, remaining: 100, reset: START + 3_600 },
        );
        let in_flight = permit(&one, 60).await.expect("70 may be spent");
        other.merge_reports(&[one.report()]);
        assert!(
            permit(&other, 9).await.is_err(),
            "60 of the 70 are used by the other replica, which may have spent more since"
        );
        assert!(permit(&other, 8).await.is_ok());
        drop(in_flight);
        other.merge_reports(&[one.report()]);
        assert_eq!(
            other.budget(ApiResource::Core).remaining,
            40,
            "points that were not settled may have been spent"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_imposed_on_one_replica_applies_to_all() {
        let [one, other] = rate_limiters();
        other.record_status(
            ApiResource::Core,
            RateLimitStatus { limit: 5_000, remaining: 5_000, reset: START + 3_600 },
        );
        one.impose_secondary_wait(Some(Duration::from_secs(40)));
        other.merge_reports(&[one.report()]);
        let begun = Instant::now();
        permit(&other, 1).await.expect("a short wait delays the request");
        assert_eq!(begun.elapsed(), Duration::from_secs(40));
        one.impose_primary_wait(ApiResource::Core, Duration::from_secs(1_000));
        other.merge_reports(&[one.report()]);
        assert!(permit(&other, 1).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn reports_about_the_previous_token_are_ignored() {
        let [one, other] = rate_limiters();
        for limiter in [&one, &other] {
            limiter.set_account(1);
            limiter.record_status(
                ApiResource::Core,
                RateLimitStatus { limit: 300, remaining: 30, reset: START + 3_600 },
            );
        }
        let in_flight = permit(&other, 0).await.expect("it costs nothing");
        assert!(permit(&one, 1).await.is_err());
        one.set_account(2);
        one.merge_reports(&[other.report()]);
        permit(&one, 1)
            .await
            .expect("the limit is unknown until the first response")
            .settle(1, Some(RateLimitStatus { limit: 5_000, remaining: 4_999, reset: START + 600 }));
        one.merge_reports(&[other.report()]);
        assert_eq!(one.budget(ApiResource::Core).remaining, 4_999);
        other.merge_reports(&[one.report()]);
        assert_eq!(other.budget(ApiResource::Core).remaining, 30, "it still uses the previous token");
        other.set_account(2);
        in_flight.settle(1, Some(RateLimitStatus { limit: 300, remaining: 29, reset: START + 3_600 }));
        other.merge_reports(&[one.report()]);
        assert_eq!(other.budget(ApiResource::Core).remaining, 4_999);
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_share_the_points_per_minute() {
        let [one, other] = rate_limiters();
        for limiter in [&one, &other] {
            limiter.record_status(
                ApiResource::Core,
                RateLimitStatus { limit: 15_000, remaining: 15_000, reset: START + 3_600 },
            );
        }
        permit(&one, 700).await.expect("720 a minute");
        other.merge_reports(&[one.report()]);
        let begun = Instant::now();
        permit(&other, 10).await.expect("20 are left").settle(10, None);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        permit(&other, 100).await.expect("after a while");
        assert!(begun.elapsed() > Duration::from_secs(30));
    }
}

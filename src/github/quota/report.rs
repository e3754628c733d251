//! What the replicas tell each other of a room: GitHub counts them together.

use github_stats_actors::activity::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{ApiResource, RateLimitStatus, RateLimiter, WaitReason};

/// Seconds for which what the others told goes on being used as it was in their last minute: as long as it takes until they
/// tell and are heard again.
const TOLD_LATE: u64 = 2;

/// What a replica knows and uses of the limits of one set of credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimiterReport {
    /// Whose limits these are.
    #[serde(default)]
    account: Option<u64>,
    core: ResourceReport,
    graphql: ResourceReport,
    /// Until when GitHub wants to be left alone by everybody with these credentials.
    secondary_until: Option<Timestamp>,
}

/// The same of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResourceReport {
    pub(super) told: Option<RateLimitStatus>,
    /// Points of requests under way.
    pub(super) reserved: u64,
    /// Points of the last minute.
    pub(super) minute: u64,
    /// Until when it is used up.
    pub(super) used_up_until: Option<Timestamp>,
}

impl RateLimiterReport {
    pub(super) fn of(&mut self, resource: ApiResource) -> &mut ResourceReport {
        match resource {
            ApiResource::Core => &mut self.core,
            ApiResource::Graphql => &mut self.graphql,
        }
    }
}

impl RateLimiter {
    /// What the other replicas are to know.
    pub fn report(&self) -> RateLimiterReport {
        let (instant, now) = (Instant::now(), self.now());
        let mut state = self.lock();
        let mut report = RateLimiterReport { account: state.account, ..RateLimiterReport::default() };
        for resource in ApiResource::ALL {
            let held = state.holds.until(resource, instant, now);
            let share = state.share(resource);
            let told = share.budget.told();
            let (reserved, minute) = (share.budget.reserved(), share.minute.points_of_the_last(instant));
            let until = |reason| held.filter(|held| held.1 == reason).map(|held| self.on_the_clock(held.0));
            let used_up_until = until(WaitReason::PrimaryLimit);
            report.secondary_until = report.secondary_until.max(until(WaitReason::SecondaryLimit));
            *report.of(resource) = ResourceReport { told, reserved, minute, used_up_until };
        }
        report
    }

    /// What the other live replicas told last, all of them. Those whose token was not replaced yet, or was already, tell of
    /// other limits.
    pub fn hear(&self, reports: &[RateLimiterReport]) {
        let (instant, now) = (Instant::now(), self.now());
        let mut state = self.lock();
        let is_of_ours = |report: &&RateLimiterReport| {
            state.account.is_none() || report.account.is_none() || report.account == state.account
        };
        let reports: Vec<&RateLimiterReport> = reports.iter().filter(is_of_ours).collect();
        for resource in ApiResource::ALL {
            let shares: Vec<ResourceReport> =
                reports.iter().map(|report| *RateLimiterReport::clone(report).of(resource)).collect();
            let own = state.share(resource);
            shares.iter().filter_map(|share| share.told).for_each(|told| own.budget.learn(told));
            let minute = shares.iter().map(|share| share.minute).sum();
            let since_told = minute * TOLD_LATE / 60;
            own.budget.set_elsewhere(shares.iter().map(|share| share.reserved).sum::<u64>() + since_told);
            own.minute.set_elsewhere(minute, instant);
            if let Some(until) = shares.iter().filter_map(|share| share.used_up_until).max() {
                state.holds.primary(resource, until);
            }
        }
        if let Some(until) = reports.iter().filter_map(|report| report.secondary_until).max() {
            state.holds.heard(until, instant, now);
        }
        drop(state);
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use github_stats_actors::activity::OrgName;
    use github_stats_actors::clock::Clock;
    use github_stats_actors::source::RequestPriority;

    use super::super::{QuotaRefusal, RateLimiterSettings, RequestCost, RequestPermit};
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn rooms() -> [Arc<RateLimiter>; 2] {
        let clock = Clock::starting_at(START);
        [(); 2].map(|()| RateLimiter::new(RateLimiterSettings::default(), clock.clone()))
    }

    async fn admit(room: &Arc<RateLimiter>, cost: u64) -> Result<RequestPermit, QuotaRefusal> {
        let org = OrgName::from("acme");
        let demand = RequestCost {
            org: &org,
            resource: ApiResource::Core,
            cost,
            purpose: RequestPriority::Live,
            cap: None,
        };
        room.admit(demand).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_replica_learns_and_uses_counts_for_the_other() {
        let [one, other] = rooms();
        one.learn(ApiResource::Core, RateLimitStatus { limit: 300, remaining: 100, reset: START + 3_600 });
        let under_way = admit(&one, 60).await.expect("70 may be spent");
        other.hear(&[one.report()]);
        assert!(
            admit(&other, 9).await.is_err(),
            "60 of the 70 are used by the other, which may have gone on"
        );
        assert!(admit(&other, 8).await.is_ok());
        drop(under_way);
        other.hear(&[one.report()]);
        assert_eq!(other.budget(ApiResource::Core).remaining, 40, "what was not settled may have been spent");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_github_asks_one_replica_for_holds_all() {
        let [one, other] = rooms();
        other.learn(
            ApiResource::Core,
            RateLimitStatus { limit: 5_000, remaining: 5_000, reset: START + 3_600 },
        );
        one.hold_secondary(Some(Duration::from_secs(40)));
        other.hear(&[one.report()]);
        let begun = Instant::now();
        admit(&other, 1).await.expect("a short wait is waited for");
        assert_eq!(begun.elapsed(), Duration::from_secs(40));
        one.hold_primary(ApiResource::Core, Duration::from_secs(1_000));
        other.hear(&[one.report()]);
        assert!(admit(&other, 1).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn another_token_has_other_limits_whoever_tells_of_the_former() {
        let [one, other] = rooms();
        for room in [&one, &other] {
            room.serve(1);
            room.learn(
                ApiResource::Core,
                RateLimitStatus { limit: 300, remaining: 30, reset: START + 3_600 },
            );
        }
        let under_way = admit(&other, 0).await.expect("it costs nothing");
        assert!(admit(&one, 1).await.is_err());
        one.serve(2);
        one.hear(&[other.report()]);
        admit(&one, 1)
            .await
            .expect("the first answer tells")
            .settle(1, Some(RateLimitStatus { limit: 5_000, remaining: 4_999, reset: START + 600 }));
        one.hear(&[other.report()]);
        assert_eq!(one.budget(ApiResource::Core).remaining, 4_999);
        other.hear(&[one.report()]);
        assert_eq!(other.budget(ApiResource::Core).remaining, 30, "its own token is the former");
        other.serve(2);
        under_way.settle(1, Some(RateLimitStatus { limit: 300, remaining: 29, reset: START + 3_600 }));
        other.hear(&[one.report()]);
        assert_eq!(other.budget(ApiResource::Core).remaining, 4_999);
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_share_the_points_of_a_minute() {
        let [one, other] = rooms();
        for room in [&one, &other] {
            room.learn(
                ApiResource::Core,
                RateLimitStatus { limit: 15_000, remaining: 15_000, reset: START + 3_600 },
            );
        }
        admit(&one, 700).await.expect("720 a minute");
        other.hear(&[one.report()]);
        let begun = Instant::now();
        admit(&other, 10).await.expect("20 are left").settle(10, None);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        admit(&other, 100).await.expect("after a while");
        assert!(begun.elapsed() > Duration::from_secs(30));
    }
}

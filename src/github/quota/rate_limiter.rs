//! The rate limiter through which all requests with the same credentials pass.

use std::sync::Arc;
use std::time::Duration;

use github_stats_actors::clock::Clock;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::api_resource::ApiResource;
use super::budget::{BudgetState, RateLimitStatus};
use super::limiter_state::{Decision, RateLimiterState, timestamp_after};
use super::permit::RequestPermit;
use super::permit_request::{PermitRequest, QuotaRefusal};
use super::report::RateLimiterReport;
use super::settings::RateLimiterSettings;
use super::shared_limiter::SharedLimiter;
use super::wait_reason::WaitReason;

/// Budgets, limits and mandated waits of one set of credentials.
pub struct RateLimiter {
    shared: Arc<SharedLimiter>,
    permits: Arc<Semaphore>,
}

impl RateLimiter {
    /// A rate limiter that knows nothing about GitHub's limits yet.
    pub fn new(settings: RateLimiterSettings, clock: Arc<Clock>) -> Arc<Self> {
        Arc::new(RateLimiter {
            shared: Arc::new(SharedLimiter::new(settings, clock)),
            permits: Arc::new(Semaphore::new(settings.concurrency.max(1))),
        })
    }

    /// Sets the account for which requests are made from now on. The limits of another account are
    /// unknown at first.
    pub fn set_account(&self, account: u64) {
        if self.shared.lock().set_account(account) {
            tracing::info!("the token was replaced; its rate limits are unknown until the next response");
            self.shared.wake_waiters();
        }
    }

    /// Waits until a request may be sent. The wait ends as soon as the future is dropped.
    ///
    /// # Errors
    /// [`QuotaRefusal`] if the wait would be too long.
    pub async fn wait_until_allowed(
        &self,
        request: PermitRequest<'_>,
    ) -> Result<RequestPermit, QuotaRefusal> {
        loop {
            // The semaphore is never closed, so that acquiring cannot fail.
            let permit = self.permits.clone().acquire_owned().await.ok();
            let changed = self.shared.changed();
            let (instant, now) = (Instant::now(), self.shared.now());
            let decision = self.shared.lock().decide(request, instant, now);
            match decision {
                Decision::Allowed => return Ok(RequestPermit::new(self.shared.clone(), request, permit)),
                Decision::Refused(refusal) => return Err(refusal),
                Decision::Wait(until, reason) => {
                    drop(permit);
                    let _reported = self.report_wait(request, reason, until);
                    match until {
                        Some(until) => tokio::time::sleep_until(until).await,
                        None => changed.await,
                    }
                }
            }
        }
    }

    fn report_wait(
        &self,
        request: PermitRequest<'_>,
        reason: WaitReason,
        until: Option<Instant>,
    ) -> ReportedWait<'_> {
        let now = self.shared.now();
        let until = until.map(|until| timestamp_after(until.saturating_duration_since(Instant::now()), now));
        let ticket = self.shared.lock().add_wait(request, reason, until);
        ReportedWait { limiter: &self.shared, ticket }
    }

    /// Records the limit of a resource that a response reported.
    pub fn record_status(&self, resource: ApiResource, status: RateLimitStatus) {
        self.shared.lock().resource(resource).budget.observe(status);
        self.shared.wake_waiters();
    }

    /// Records a successful response, which ends a series of secondary rate limits.
    pub fn record_success(&self) {
        self.shared.lock().mandated_waits.record_success(Instant::now());
    }

    /// GitHub's primary rate limit of a resource is used up for `pause`: no request for it is sent
    /// in that time. Returns the length of the wait.
    pub fn impose_primary_wait(&self, resource: ApiResource, pause: Duration) -> Duration {
        let pause = pause + self.shared.settings.reset_buffer;
        let until = timestamp_after(pause, self.shared.now());
        self.shared.lock().mandated_waits.impose_primary(resource, until);
        pause
    }

    /// GitHub's secondary rate limit was hit: no request at all is sent for `retry_after`, or for a
    /// backoff if GitHub names no duration. Returns the length of the wait.
    pub fn impose_secondary_wait(&self, retry_after: Option<Duration>) -> Duration {
        let backoff = self.shared.settings.secondary_backoff;
        self.shared.lock().mandated_waits.impose_secondary(retry_after, backoff, Instant::now())
    }

    /// The current budget of a resource.
    pub fn budget(&self, resource: ApiResource) -> BudgetState {
        let now = self.shared.now();
        self.shared.lock().resource(resource).budget.state(now)
    }

    /// The hourly limit of a resource, as the responses so far have reported it.
    pub fn known_limit(&self, resource: ApiResource) -> Option<u64> {
        Some(self.budget(resource).limit).filter(|limit| *limit > 0)
    }

    /// The current budgets, mandated waits and waiting requests.
    pub fn state(&self) -> RateLimiterState {
        let (instant, now) = (Instant::now(), self.shared.now());
        self.shared.lock().snapshot(instant, now)
    }

    /// What the other replicas with the same credentials have to know.
    pub fn report(&self) -> RateLimiterReport {
        let (instant, now) = (Instant::now(), self.shared.now());
        RateLimiterReport::of(&mut self.shared.lock(), instant, now)
    }

    /// Takes the latest reports of all other live replicas into account. Reports about another
    /// account, from replicas whose token has not been replaced yet or has been already, are
    /// ignored.
    pub fn merge_reports(&self, reports: &[RateLimiterReport]) {
        let (instant, now) = (Instant::now(), self.shared.now());
        RateLimiterReport::merge(reports, &mut self.shared.lock(), instant, now);
        self.shared.wake_waiters();
    }
}

/// Reports a wait in the status until it is dropped.
struct ReportedWait<'a> {
    limiter: &'a SharedLimiter,
    ticket: u64,
}

impl Drop for ReportedWait<'_> {
    fn drop(&mut self) {
        self.limiter.lock().remove_wait(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::activity::{OrgName, Timestamp};
    use github_stats_actors::source::RequestPriority;

    use super::super::wait::Wait;
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn rate_limiter() -> Arc<RateLimiter> {
        let limiter = RateLimiter::new(RateLimiterSettings::default(), Clock::starting_at(START));
        limiter.record_status(
            ApiResource::Core,
            RateLimitStatus { limit: 5_000, remaining: 5_000, reset: START + 3_600 },
        );
        limiter
    }

    async fn permit_for(
        limiter: &Arc<RateLimiter>,
        resource: ApiResource,
        priority: RequestPriority,
    ) -> Result<RequestPermit, QuotaRefusal> {
        let org = OrgName::from("acme");
        limiter.wait_until_allowed(PermitRequest { org: &org, resource, cost: 1, priority, cap: None }).await
    }

    async fn permit(
        limiter: &Arc<RateLimiter>,
        priority: RequestPriority,
    ) -> Result<RequestPermit, QuotaRefusal> {
        permit_for(limiter, ApiResource::Core, priority).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_mandated_wait_delays_the_request_and_a_long_one_refuses_it() {
        let limiter = rate_limiter();
        let started = Instant::now();
        limiter.impose_secondary_wait(Some(Duration::from_secs(17)));
        permit(&limiter, RequestPriority::Live).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(17));
        limiter.impose_primary_wait(ApiResource::Core, Duration::from_secs(1_000));
        let refused = permit(&limiter, RequestPriority::Live).await.err().unwrap();
        assert_eq!(
            refused,
            QuotaRefusal { retry_after: Duration::from_secs(1_010), reason: WaitReason::PrimaryLimit }
        );
        assert!(permit_for(&limiter, ApiResource::Graphql, RequestPriority::Live).await.is_ok());
        let state = limiter.state();
        let until = START + 17 + 1_010;
        assert_eq!(state.mandated_waits, [(ApiResource::Core, WaitReason::PrimaryLimit, until)]);
        let refused = state.waits.first().expect("a refused request is reported as waiting");
        assert_eq!((refused.reason, refused.until), (WaitReason::PrimaryLimit, Some(until)));
        tokio::time::advance(Duration::from_secs(1_011)).await;
        assert_eq!((limiter.state().mandated_waits, limiter.state().waits), (vec![], vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_reported_until_its_future_is_dropped() {
        let limiter = rate_limiter();
        limiter.impose_secondary_wait(Some(Duration::from_secs(60)));
        let waiter = tokio::spawn({
            let limiter = limiter.clone();
            async move { permit(&limiter, RequestPriority::Backfill).await.is_ok() }
        });
        tokio::task::yield_now().await;
        let expected = Wait {
            org: "acme".into(),
            resource: ApiResource::Core,
            priority: RequestPriority::Backfill,
            reason: WaitReason::SecondaryLimit,
            until: Some(START + 60),
        };
        assert_eq!(limiter.state().waits, [expected]);
        waiter.abort();
        assert!(waiter.await.is_err());
        assert!(limiter.state().waits.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_request_counts_as_spent_and_one_that_cost_nothing_does_not() {
        let limiter = rate_limiter();
        drop(permit(&limiter, RequestPriority::Live).await.unwrap());
        permit(&limiter, RequestPriority::Live).await.unwrap().settle(0, None);
        let state = limiter.budget(ApiResource::Core);
        assert_eq!((state.remaining, state.reserved, state.kept_back), (4_999, 0, 200));
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_response_only_one_request_is_sent() {
        let limiter = RateLimiter::new(RateLimiterSettings::default(), Clock::starting_at(START));
        let first = permit(&limiter, RequestPriority::Live).await.unwrap();
        let second = tokio::spawn({
            let limiter = limiter.clone();
            async move { permit(&limiter, RequestPriority::Live).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(limiter.state().waits[0].reason, WaitReason::FirstResponse);
        limiter.record_status(
            ApiResource::Core,
            RateLimitStatus { limit: 60, remaining: 59, reset: START + 3_600 },
        );
        first.settle(1, None);
        assert!(second.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_points_are_spent_than_allowed_per_minute() {
        let limiter = rate_limiter();
        let started = Instant::now();
        for _ in 0..1_500 {
            permit(&limiter, RequestPriority::Live).await.unwrap().settle(1, None);
        }
        assert!(started.elapsed() >= Duration::from_secs(120), "{:?}", started.elapsed());
    }
}

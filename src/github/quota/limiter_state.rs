//! The state of a rate limiter and the decision whether a request may be sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use tokio::time::Instant;

use super::api_resource::ApiResource;
use super::budget::{BudgetState, QuotaShortage, RateLimitStatus, ResourceBudget};
use super::mandated_waits::MandatedWaits;
use super::minute_limit::MinuteLimit;
use super::permit_request::{PermitRequest, QuotaRefusal};
use super::settings::RateLimiterSettings;
use super::wait::Wait;
use super::wait_reason::WaitReason;

/// Callers are kept waiting no longer than this; a longer wait is refused.
const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// The status of a rate limiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimiterState {
    pub budgets: Vec<(ApiResource, BudgetState)>,
    /// The waits that GitHub has imposed, with their ends on GitHub's clock.
    pub mandated_waits: Vec<(ApiResource, WaitReason, Timestamp)>,
    /// The requests that wait.
    pub waits: Vec<Wait>,
}

/// Whether a request may be sent.
pub(super) enum Decision {
    Allowed,
    /// Wait until then, or for a change of the state if there is no time.
    Wait(Option<Instant>, WaitReason),
    Refused(QuotaRefusal),
}

/// Budgets, limits and waits of one set of credentials. Every method that takes both an instant and
/// a timestamp expects the same moment on the monotonic clock and on GitHub's clock.
pub(super) struct LimiterState {
    settings: RateLimiterSettings,
    /// The account whose limits these are; `None` before the first request.
    pub(super) account: Option<u64>,
    core: ResourceState,
    graphql: ResourceState,
    pub(super) mandated_waits: MandatedWaits,
    waiting: BTreeMap<u64, Wait>,
    /// The latest refusal of each kind; reported as a wait until its time has come.
    refused: Vec<Wait>,
    next_ticket: u64,
}

pub(super) struct ResourceState {
    pub(super) budget: ResourceBudget,
    pub(super) minute: MinuteLimit,
}

impl ResourceState {
    fn new(resource: ApiResource, settings: &RateLimiterSettings) -> Self {
        let per_minute = resource.points_per_minute() * settings.minute_percent / 100;
        ResourceState {
            budget: ResourceBudget::new(settings.min_remaining),
            minute: MinuteLimit::new(per_minute.max(1)),
        }
    }
}

impl LimiterState {
    pub(super) fn new(settings: RateLimiterSettings) -> Self {
        LimiterState {
            settings,
            account: None,
            core: ResourceState::new(ApiResource::Core, &settings),
            graphql: ResourceState::new(ApiResource::Graphql, &settings),
            mandated_waits: MandatedWaits::default(),
            waiting: BTreeMap::new(),
            refused: Vec::new(),
            next_ticket: 0,
        }
    }

    pub(super) fn resource(&mut self, resource: ApiResource) -> &mut ResourceState {
        match resource {
            ApiResource::Core => &mut self.core,
            ApiResource::Graphql => &mut self.graphql,
        }
    }

    /// Forgets the limits of the previous account, if there was another one; returns whether there
    /// was.
    pub(super) fn set_account(&mut self, account: u64) -> bool {
        let previous = self.account.replace(account);
        let is_replaced = previous.is_some_and(|previous| previous != account);
        if is_replaced {
            *self = LimiterState {
                account: Some(account),
                waiting: std::mem::take(&mut self.waiting),
                next_ticket: self.next_ticket,
                ..LimiterState::new(self.settings)
            };
        }
        is_replaced
    }

    /// Decides whether a request may be sent, and reserves its points if so.
    pub(super) fn decide(
        &mut self,
        request: PermitRequest<'_>,
        instant: Instant,
        now: Timestamp,
    ) -> Decision {
        let decision = self.reserve(request, instant, now);
        self.refused.retain(|wait| {
            wait.org != *request.org || wait.resource != request.resource || wait.priority != request.priority
        });
        if let Decision::Refused(QuotaRefusal { retry_after, reason }) = decision {
            self.refused.push(wait(request, reason, Some(timestamp_after(retry_after, now))));
        }
        decision
    }

    fn reserve(&mut self, request: PermitRequest<'_>, instant: Instant, now: Timestamp) -> Decision {
        let PermitRequest { resource, cost, priority, cap, .. } = request;
        if let Some((until, reason)) = self.mandated_waits.until(resource, instant, now) {
            return wait_or_refuse(until, instant, reason);
        }
        let buffer = self.settings.reset_buffer;
        let reset_at = |reset: Timestamp| instant + seconds_until(reset, now) + buffer;
        let limits = self.resource(resource);
        match limits.budget.reserve(cost, priority, now) {
            Ok(()) => {}
            Err(QuotaShortage::Unknown) => return Decision::Wait(None, WaitReason::FirstResponse),
            Err(QuotaShortage::Until(reset, reason)) => {
                return wait_or_refuse(reset_at(reset), instant, reason);
            }
        }
        if let Err(reset) = cap.map_or(Ok(()), |cap| lock(cap).take(cost, now)) {
            limits.budget.settle(cost, 0);
            return wait_or_refuse(reset_at(reset), instant, WaitReason::HourlyCap);
        }
        if let Err(until) = limits.minute.take(cost, instant) {
            limits.budget.settle(cost, 0);
            if let Some(cap) = cap {
                lock(cap).settle(cost, 0);
            }
            return Decision::Wait(Some(until), WaitReason::PointsPerMinute);
        }
        Decision::Allowed
    }

    /// A request sent for `account` has ended. Its response says nothing about another account's
    /// limits.
    pub(super) fn settle(
        &mut self,
        account: Option<u64>,
        resource: ApiResource,
        reserved: u64,
        cost: u64,
        status: Option<RateLimitStatus>,
    ) {
        if self.account != account {
            return;
        }
        let budget = &mut self.resource(resource).budget;
        match status {
            Some(status) => {
                budget.settle(reserved, 0);
                budget.observe(status);
            }
            None => budget.settle(reserved, cost),
        }
    }

    /// Adds a wait to the status; returns the ticket by which it is removed.
    pub(super) fn add_wait(
        &mut self,
        request: PermitRequest<'_>,
        reason: WaitReason,
        until: Option<Timestamp>,
    ) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, wait(request, reason, until));
        ticket
    }

    pub(super) fn remove_wait(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
    }

    pub(super) fn snapshot(&mut self, instant: Instant, now: Timestamp) -> RateLimiterState {
        self.refused.retain(|wait| wait.until.is_none_or(|until| until > now));
        let budgets = ApiResource::ALL.map(|resource| (resource, self.resource(resource).budget.state(now)));
        let mandated = |resource| {
            let (until, reason) = self.mandated_waits.until(resource, instant, now)?;
            Some((resource, reason, timestamp_after(until.saturating_duration_since(instant), now)))
        };
        RateLimiterState {
            budgets: budgets.to_vec(),
            mandated_waits: ApiResource::ALL.into_iter().filter_map(mandated).collect(),
            waits: self.waiting.values().chain(&self.refused).cloned().collect(),
        }
    }
}

fn wait(request: PermitRequest<'_>, reason: WaitReason, until: Option<Timestamp>) -> Wait {
    let PermitRequest { org, resource, priority, .. } = request;
    Wait { org: org.clone(), resource, priority, reason, until }
}

fn wait_or_refuse(until: Instant, now: Instant, reason: WaitReason) -> Decision {
    let retry_after = until.saturating_duration_since(now);
    if retry_after <= LONGEST_WAIT {
        Decision::Wait(Some(until), reason)
    } else {
        Decision::Refused(QuotaRefusal { retry_after, reason })
    }
}

fn seconds_until(until: Timestamp, now: Timestamp) -> Duration {
    Duration::from_secs(until.seconds_since(now).max(0).unsigned_abs())
}

/// `now` and `duration` later, in whole seconds.
pub(super) fn timestamp_after(duration: Duration, now: Timestamp) -> Timestamp {
    now + i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The room itself: everybody who asks with the same credentials passes through it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::source::RequestPriority;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{
    ApiResource, BudgetState, HourlyCap, MandatedWaits, MinuteLimit, QuotaShortage, RateLimitStatus,
    RateLimiterState, ResourceBudget, Wait, WaitReason,
};

/// A pause this short is waited for; whoever asks is told of a longer one.
const SHORT: Duration = Duration::from_secs(90);

/// What of GitHub's limits is used.
#[derive(Clone, Copy, Debug)]
pub struct RateLimiterSettings {
    /// Points of each resource that are never spent; at most a tenth of its limit.
    pub min_remaining: u64,
    /// Time added to a limit's reset, against clocks that differ.
    pub reset_buffer: Duration,
    /// First pause after a secondary limit that names none.
    pub secondary_backoff: Duration,
    /// Requests under way at once; GitHub allows a hundred.
    pub concurrency: usize,
    /// Percent of GitHub's points a minute that may be used.
    pub minute_percent: u64,
}

impl Default for RateLimiterSettings {
    fn default() -> Self {
        RateLimiterSettings {
            min_remaining: 200,
            reset_buffer: Duration::from_secs(10),
            secondary_backoff: Duration::from_secs(60),
            concurrency: 80,
            minute_percent: 80,
        }
    }
}

/// What is wanted.
#[derive(Clone, Copy)]
pub struct RequestCost<'a> {
    /// By whom.
    pub org: &'a OrgName,
    /// Points of which resource.
    pub resource: ApiResource,
    /// About how many.
    pub cost: u64,
    /// For what.
    pub purpose: RequestPriority,
    /// What the organisation may spend.
    pub cap: Option<&'a Arc<Mutex<HourlyCap>>>,
}

/// Not now, and too long to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaRefusal {
    /// How long not.
    pub retry_after: Duration,
    /// Why not.
    pub reason: WaitReason,
}

/// Budgets, ceilings and mandated waits of one set of credentials. Waiting ends at once when its future is dropped.
pub struct RateLimiter {
    settings: RateLimiterSettings,
    clock: Arc<Clock>,
    state: Mutex<LimiterInner>,
    permits: Arc<Semaphore>,
    changed: Notify,
}

pub(super) struct LimiterInner {
    /// Whose limits these are, once somebody asked.
    pub(super) account: Option<u64>,
    core: ResourceState,
    graphql: ResourceState,
    pub(super) holds: MandatedWaits,
    waiting: BTreeMap<u64, Wait>,
    /// The latest refusal of each kind; it counts as a wait until its time has come.
    refused: Vec<Wait>,
    next_ticket: u64,
}

pub(super) struct ResourceState {
    pub(super) budget: ResourceBudget,
    pub(super) minute: MinuteLimit,
}

enum Decision {
    Go,
    Wait(Option<Instant>, WaitReason),
    Refuse(QuotaRefusal),
}

impl RateLimiter {
    /// An empty room.
    pub fn new(settings: RateLimiterSettings, clock: Arc<Clock>) -> Arc<Self> {
        Arc::new(RateLimiter {
            settings,
            clock,
            state: Mutex::new(LimiterInner::new(&settings)),
            permits: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            changed: Notify::new(),
        })
    }

    /// Requests are made for this account from now on. Of another one's limits nothing is known yet.
    pub fn serve(&self, account: u64) {
        let mut state = self.lock();
        let before = state.account.replace(account);
        if before.is_some_and(|before| before != account) {
            let (waiting, next_ticket) = (std::mem::take(&mut state.waiting), state.next_ticket);
            *state = LimiterInner {
                account: Some(account),
                waiting,
                next_ticket,
                ..LimiterInner::new(&self.settings)
            };
            drop(state);
            tracing::info!("the token was replaced; what GitHub allows is learned anew");
            self.wake();
        }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// Where that takes too long.
    pub async fn admit(self: &Arc<Self>, demand: RequestCost<'_>) -> Result<RequestPermit, QuotaRefusal> {
        loop {
            // A closed semaphore would never open again; this one is never closed.
            let permit = self.permits.clone().acquire_owned().await.ok();
            let changed = self.changed.notified();
            let decision = self.decide(demand);
            match decision {
                Decision::Go => {
                    return Ok(RequestPermit {
                        account: self.lock().account,
                        room: self.clone(),
                        resource: demand.resource,
                        reserved: demand.cost,
                        cap: demand.cap.cloned(),
                        settled: false,
                        _permit: permit,
                    });
                }
                Decision::Refuse(refusal) => return Err(refusal),
                Decision::Wait(until, reason) => {
                    drop(permit);
                    let _seen = self.wait_visibly(self.wait(demand, reason, until));
                    match until {
                        Some(until) => tokio::time::sleep_until(until).await,
                        None => changed.await,
                    }
                }
            }
        }
    }

    fn decide(&self, demand: RequestCost<'_>) -> Decision {
        let decision = self.judge(demand);
        let is_same = |wait: &Wait| {
            wait.org == *demand.org && wait.resource == demand.resource && wait.purpose == demand.purpose
        };
        let mut state = self.lock();
        state.refused.retain(|wait| !is_same(wait));
        if let Decision::Refuse(QuotaRefusal { retry_after, reason }) = decision {
            state.refused.push(self.wait(demand, reason, Some(Instant::now() + retry_after)));
        }
        decision
    }

    fn judge(&self, demand: RequestCost<'_>) -> Decision {
        let RequestCost { resource, cost, purpose, cap, .. } = demand;
        let (instant, now) = (Instant::now(), self.clock.now());
        let mut state = self.lock();
        if let Some((until, reason)) = state.holds.until(resource, instant, now) {
            return self.wait_or_refuse(until, instant, reason);
        }
        let share = state.share(resource);
        match share.budget.reserve(cost, purpose, now) {
            Ok(()) => {}
            Err(QuotaShortage::Unknown) => return Decision::Wait(None, WaitReason::FirstAnswer),
            Err(QuotaShortage::Until(reset, reason)) => {
                return self.wait_or_refuse(instant + self.until(reset, now), instant, reason);
            }
        }
        let capped = cap.map_or(Ok(()), |cap| lock(cap).take(cost, now));
        if let Err(ends) = capped {
            share.budget.settle(cost, 0);
            return self.wait_or_refuse(instant + self.until(ends, now), instant, WaitReason::Cap);
        }
        if let Err(until) = share.minute.take(cost, instant) {
            share.budget.settle(cost, 0);
            if let Some(cap) = cap {
                lock(cap).settle(cost, 0);
            }
            return Decision::Wait(Some(until), WaitReason::PointsPerMinute);
        }
        Decision::Go
    }

    fn wait_or_refuse(&self, until: Instant, now: Instant, reason: WaitReason) -> Decision {
        let retry_after = until.saturating_duration_since(now);
        if retry_after <= SHORT {
            Decision::Wait(Some(until), reason)
        } else {
            Decision::Refuse(QuotaRefusal { retry_after, reason })
        }
    }

    fn wait(&self, demand: RequestCost<'_>, reason: WaitReason, until: Option<Instant>) -> Wait {
        let RequestCost { org, resource, purpose, .. } = demand;
        Wait {
            org: org.clone(),
            resource,
            purpose,
            reason,
            until: until.map(|until| self.on_the_clock(until)),
        }
    }

    /// When that will be on GitHub's clock.
    pub(super) fn on_the_clock(&self, instant: Instant) -> Timestamp {
        let left = instant.saturating_duration_since(Instant::now());
        self.clock.now() + i64::try_from(left.as_secs()).unwrap_or(i64::MAX)
    }

    fn until(&self, reset: Timestamp, now: Timestamp) -> Duration {
        Duration::from_secs(reset.seconds_since(now).max(0).unsigned_abs()) + self.settings.reset_buffer
    }

    /// Somebody else's answer told the limit of a resource.
    pub fn learn(&self, resource: ApiResource, told: RateLimitStatus) {
        self.lock().share(resource).budget.learn(told);
        self.changed.notify_waiters();
    }

    /// An answer came that is no refusal.
    pub fn answered(&self) {
        self.lock().holds.answered(Instant::now());
    }

    /// GitHub says that the points of a resource are used up for so long; nothing is asked of it meanwhile.
    pub fn hold_primary(&self, resource: ApiResource, pause: Duration) -> Duration {
        let pause = pause + self.settings.reset_buffer;
        let until = self.clock.now() + i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
        self.lock().holds.primary(resource, until);
        pause
    }

    /// GitHub says that requests come too fast; how long nothing is asked now.
    pub fn hold_secondary(&self, named: Option<Duration>) -> Duration {
        self.lock().holds.secondary(named, self.settings.secondary_backoff, Instant::now())
    }

    /// What a budget shows of itself.
    pub fn budget(&self, resource: ApiResource) -> BudgetState {
        let now = self.clock.now();
        self.lock().share(resource).budget.state(now)
    }

    /// What it shows of itself.
    pub fn state(&self) -> RateLimiterState {
        let (instant, now) = (Instant::now(), self.clock.now());
        let mut state = self.lock();
        state.refused.retain(|wait| wait.until.is_none_or(|until| until > now));
        let budgets = ApiResource::ALL.map(|resource| (resource, state.share(resource).budget.state(now)));
        let held = |resource| {
            let (until, reason) = state.holds.until(resource, instant, now)?;
            Some((resource, reason, self.on_the_clock(until)))
        };
        RateLimiterState {
            budgets: budgets.to_vec(),
            holds: ApiResource::ALL.into_iter().filter_map(held).collect(),
            waits: state.waiting.values().chain(&state.refused).cloned().collect(),
        }
    }

    fn wait_visibly(&self, wait: Wait) -> Seen<'_> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.insert(ticket, wait);
        Seen { room: self, ticket }
    }

    fn settle(&self, admission: &RequestPermit, cost: u64, told: Option<RateLimitStatus>) {
        let mut state = self.lock();
        // An answer to whom the room served before tells nothing of the present limits.
        if state.account == admission.account {
            let budget = &mut state.share(admission.resource).budget;
            match told {
                Some(told) => {
                    budget.settle(admission.reserved, 0);
                    budget.learn(told);
                }
                None => budget.settle(admission.reserved, cost),
            }
        }
        drop(state);
        if let Some(cap) = &admission.cap {
            lock(cap).settle(admission.reserved, cost);
        }
        self.changed.notify_waiters();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LimiterInner> {
        lock(&self.state)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets those who wait for points look again.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }
}

impl LimiterInner {
    fn new(settings: &RateLimiterSettings) -> Self {
        let share = |resource: ApiResource| ResourceState {
            budget: ResourceBudget::new(settings.min_remaining),
            minute: MinuteLimit::new((resource.points_per_minute() * settings.minute_percent / 100).max(1)),
        };
        LimiterInner {
            account: None,
            core: share(ApiResource::Core),
            graphql: share(ApiResource::Graphql),
            holds: MandatedWaits::default(),
            waiting: BTreeMap::new(),
            refused: Vec::new(),
            next_ticket: 0,
        }
    }

    pub(super) fn share(&mut self, resource: ApiResource) -> &mut ResourceState {
        match resource {
            ApiResource::Core => &mut self.core,
            ApiResource::Graphql => &mut self.graphql,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows somebody waiting until dropped.
struct Seen<'a> {
    room: &'a RateLimiter,
    ticket: u64,
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        self.room.lock().waiting.remove(&self.ticket);
    }
}

/// Leave to send one request. Dropped without a word, as when its future is cancelled, it counts as spent: GitHub may
/// have received the request.
pub struct RequestPermit {
    account: Option<u64>,
    room: Arc<RateLimiter>,
    resource: ApiResource,
    reserved: u64,
    cap: Option<Arc<Mutex<HourlyCap>>>,
    settled: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl RequestPermit {
    /// The request has ended and cost so many points; `told` is what its answer said of the limit, if there was one.
    pub fn settle(mut self, cost: u64, told: Option<RateLimitStatus>) {
        self.settled = true;
        self.room.settle(&self, cost, told);
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        if !self.settled {
            self.room.settle(self, self.reserved, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn room() -> Arc<RateLimiter> {
        let room = RateLimiter::new(RateLimiterSettings::default(), Clock::starting_at(START));
        room.learn(
            ApiResource::Core,
            RateLimitStatus { limit: 5_000, remaining: 5_000, reset: START + 3_600 },
        );
        room
    }

    async fn admit_to(
        room: &Arc<RateLimiter>,
        resource: ApiResource,
        purpose: RequestPriority,
    ) -> Result<RequestPermit, QuotaRefusal> {
        let org = OrgName::from("acme");
        room.admit(RequestCost { org: &org, resource, cost: 1, purpose, cap: None }).await
    }

    async fn admit(room: &Arc<RateLimiter>, purpose: RequestPriority) -> Result<RequestPermit, QuotaRefusal> {
        admit_to(room, ApiResource::Core, purpose).await
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_during_a_mandated_wait_and_a_short_one_is_waited_for() {
        let room = room();
        let started = Instant::now();
        room.hold_secondary(Some(Duration::from_secs(17)));
        admit(&room, RequestPriority::Live).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(17));
        room.hold_primary(ApiResource::Core, Duration::from_secs(1_000));
        let refused = admit(&room, RequestPriority::Live).await.err().unwrap();
        assert_eq!(
            refused,
            QuotaRefusal { retry_after: Duration::from_secs(1_010), reason: WaitReason::PrimaryLimit }
        );
        assert!(admit_to(&room, ApiResource::Graphql, RequestPriority::Live).await.is_ok());
        let state = room.state();
        let until = START + 17 + 1_010;
        assert_eq!(state.holds, [(ApiResource::Core, WaitReason::PrimaryLimit, until)]);
        let refused = state.waits.first().expect("what was refused waits, too");
        assert_eq!((refused.reason, refused.until), (WaitReason::PrimaryLimit, Some(until)));
        tokio::time::advance(Duration::from_secs(1_011)).await;
        assert_eq!((room.state().holds, room.state().waits), (vec![], vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_visible_and_ends_at_once_when_nobody_waits_any_more() {
        let room = room();
        room.hold_secondary(Some(Duration::from_secs(60)));
        let waiter = tokio::spawn({
            let room = room.clone();
            async move { admit(&room, RequestPriority::Backfill).await.is_ok() }
        });
        tokio::task::yield_now().await;
        let expected = Wait {
            org: "acme".into(),
            resource: ApiResource::Core,
            purpose: RequestPriority::Backfill,
            reason: WaitReason::SecondaryLimit,
            until: Some(START + 60),
        };
        assert_eq!(room.state().waits, [expected]);
        waiter.abort();
        assert!(waiter.await.is_err());
        assert!(room.state().waits.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cancelled_counts_as_spent_and_what_cost_nothing_does_not() {
        let room = room();
        drop(admit(&room, RequestPriority::Live).await.unwrap());
        admit(&room, RequestPriority::Live).await.unwrap().settle(0, None);
        let state = room.budget(ApiResource::Core);
        assert_eq!((state.remaining, state.reserved, state.kept_back), (4_999, 0, 200));
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_answer_one_asks_for_all() {
        let room = RateLimiter::new(RateLimiterSettings::default(), Clock::starting_at(START));
        let first = admit(&room, RequestPriority::Live).await.unwrap();
        let second = tokio::spawn({
            let room = room.clone();
            async move { admit(&room, RequestPriority::Live).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(room.state().waits[0].reason, WaitReason::FirstAnswer);
        room.learn(ApiResource::Core, RateLimitStatus { limit: 60, remaining: 59, reset: START + 3_600 });
        first.settle(1, None);
        assert!(second.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_minute_is_not_overrun() {
        let room = room();
        let started = Instant::now();
        for _ in 0..1_500 {
            admit(&room, RequestPriority::Live).await.unwrap().settle(1, None);
        }
        assert!(started.elapsed() >= Duration::from_secs(120), "{:?}", started.elapsed());
    }
}

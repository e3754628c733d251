//! The room itself: everybody who asks with the same credentials passes through it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use github_stats_actors::activity::{OrgName, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::scheduler::Purpose;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{
    Budget, BudgetState, Cap, Holds, MinuteCeiling, Reason, Resource, RoomState, Shortage, Told, Wait,
};

/// A pause this short is waited for; whoever asks is told of a longer one.
const SHORT: Duration = Duration::from_secs(90);

/// What of GitHub's limits is used.
#[derive(Clone, Copy, Debug)]
pub struct RoomSettings {
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

impl Default for RoomSettings {
    fn default() -> Self {
        RoomSettings {
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
pub struct Demand<'a> {
    /// By whom.
    pub org: &'a OrgName,
    /// Points of which resource.
    pub resource: Resource,
    /// About how many.
    pub cost: u64,
    /// For what.
    pub purpose: Purpose,
    /// What the organisation may spend.
    pub cap: Option<&'a Arc<Mutex<Cap>>>,
}

/// Not now, and too long to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How long not.
    pub retry_after: Duration,
    /// Why not.
    pub reason: Reason,
}

/// Budgets, ceilings and mandated waits of one set of credentials. Waiting ends at once when its future is dropped.
pub struct Room {
    settings: RoomSettings,
    clock: Arc<Clock>,
    state: Mutex<State>,
    permits: Arc<Semaphore>,
    changed: Notify,
}

pub(super) struct State {
    /// Whose limits these are, once somebody asked.
    pub(super) account: Option<u64>,
    core: Share,
    graphql: Share,
    pub(super) holds: Holds,
    waiting: BTreeMap<u64, Wait>,
    /// The latest refusal of each kind; it counts as a wait until its time has come.
    refused: Vec<Wait>,
    next_ticket: u64,
}

pub(super) struct Share {
    pub(super) budget: Budget,
    pub(super) minute: MinuteCeiling,
}

enum Decision {
    Go,
    Wait(Option<Instant>, Reason),
    Refuse(Refusal),
}

impl Room {
    /// An empty room.
    pub fn new(settings: RoomSettings, clock: Arc<Clock>) -> Arc<Self> {
        Arc::new(Room {
            settings,
            clock,
            state: Mutex::new(State::new(&settings)),
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
            *state = State { account: Some(account), waiting, next_ticket, ..State::new(&self.settings) };
            drop(state);
            tracing::info!("the token was replaced; what GitHub allows is learned anew");
            self.wake();
        }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// Where that takes too long.
    pub async fn admit(self: &Arc<Self>, demand: Demand<'_>) -> Result<Admission, Refusal> {
        loop {
            // A closed semaphore would never open again; this one is never closed.
            let permit = self.permits.clone().acquire_owned().await.ok();
            let changed = self.changed.notified();
            let decision = self.decide(demand);
            match decision {
                Decision::Go => {
                    return Ok(Admission {
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

    fn decide(&self, demand: Demand<'_>) -> Decision {
        let decision = self.judge(demand);
        let is_same = |wait: &Wait| {
            wait.org == *demand.org && wait.resource == demand.resource && wait.purpose == demand.purpose
        };
        let mut state = self.lock();
        state.refused.retain(|wait| !is_same(wait));
        if let Decision::Refuse(Refusal { retry_after, reason }) = decision {
            state.refused.push(self.wait(demand, reason, Some(Instant::now() + retry_after)));
        }
        decision
    }

    fn judge(&self, demand: Demand<'_>) -> Decision {
        let Demand { resource, cost, purpose, cap, .. } = demand;
        let (instant, now) = (Instant::now(), self.clock.now());
        let mut state = self.lock();
        if let Some((until, reason)) = state.holds.until(resource, instant, now) {
            return self.wait_or_refuse(until, instant, reason);
        }
        let share = state.share(resource);
        match share.budget.reserve(cost, purpose, now) {
            Ok(()) => {}
            Err(Shortage::Unknown) => return Decision::Wait(None, Reason::FirstAnswer),
            Err(Shortage::Until(reset, reason)) => {
                return self.wait_or_refuse(instant + self.until(reset, now), instant, reason);
            }
        }
        let capped = cap.map_or(Ok(()), |cap| lock(cap).take(cost, now));
        if let Err(ends) = capped {
            share.budget.settle(cost, 0);
            return self.wait_or_refuse(instant + self.until(ends, now), instant, Reason::Cap);
        }
        if let Err(until) = share.minute.take(cost, instant) {
            share.budget.settle(cost, 0);
            if let Some(cap) = cap {
                lock(cap).settle(cost, 0);
            }
            return Decision::Wait(Some(until), Reason::PointsPerMinute);
        }
        Decision::Go
    }

    fn wait_or_refuse(&self, until: Instant, now: Instant, reason: Reason) -> Decision {
        let retry_after = until.saturating_duration_since(now);
        if retry_after <= SHORT {
            Decision::Wait(Some(until), reason)
        } else {
            Decision::Refuse(Refusal { retry_after, reason })
        }
    }

    fn wait(&self, demand: Demand<'_>, reason: Reason, until: Option<Instant>) -> Wait {
        let Demand { org, resource, purpose, .. } = demand;
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
    pub fn learn(&self, resource: Resource, told: Told) {
        self.lock().share(resource).budget.learn(told);
        self.changed.notify_waiters();
    }

    /// An answer came that is no refusal.
    pub fn answered(&self) {
        self.lock().holds.answered(Instant::now());
    }

    /// GitHub says that the points of a resource are used up for so long; nothing is asked of it meanwhile.
    pub fn hold_primary(&self, resource: Resource, pause: Duration) -> Duration {
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
    pub fn budget(&self, resource: Resource) -> BudgetState {
        let now = self.clock.now();
        self.lock().share(resource).budget.state(now)
    }

    /// What it shows of itself.
    pub fn state(&self) -> RoomState {
        let (instant, now) = (Instant::now(), self.clock.now());
        let mut state = self.lock();
        state.refused.retain(|wait| wait.until.is_none_or(|until| until > now));
        let budgets = Resource::ALL.map(|resource| (resource, state.share(resource).budget.state(now)));
        let held = |resource| {
            let (until, reason) = state.holds.until(resource, instant, now)?;
            Some((resource, reason, self.on_the_clock(until)))
        };
        RoomState {
            budgets: budgets.to_vec(),
            holds: Resource::ALL.into_iter().filter_map(held).collect(),
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

    fn settle(&self, admission: &Admission, cost: u64, told: Option<Told>) {
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
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

impl State {
    fn new(settings: &RoomSettings) -> Self {
        let share = |resource: Resource| Share {
            budget: Budget::new(settings.min_remaining),
            minute: MinuteCeiling::new((resource.points_per_minute() * settings.minute_percent / 100).max(1)),
        };
        State {
            account: None,
            core: share(Resource::Core),
            graphql: share(Resource::Graphql),
            holds: Holds::default(),
            waiting: BTreeMap::new(),
            refused: Vec::new(),
            next_ticket: 0,
        }
    }

    pub(super) fn share(&mut self, resource: Resource) -> &mut Share {
        match resource {
            Resource::Core => &mut self.core,
            Resource::Graphql => &mut self.graphql,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows somebody waiting until dropped.
struct Seen<'a> {
    room: &'a Room,
    ticket: u64,
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        self.room.lock().waiting.remove(&self.ticket);
    }
}

/// Leave to send one request. Dropped without a word, as when its future is cancelled, it counts as spent: GitHub may
/// have received the request.
pub struct Admission {
    account: Option<u64>,
    room: Arc<Room>,
    resource: Resource,
    reserved: u64,
    cap: Option<Arc<Mutex<Cap>>>,
    settled: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// The request has ended and cost so many points; `told` is what its answer said of the limit, if there was one.
    pub fn settle(mut self, cost: u64, told: Option<Told>) {
        self.settled = true;
        self.room.settle(&self, cost, told);
    }
}

impl Drop for Admission {
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

    fn room() -> Arc<Room> {
        let room = Room::new(RoomSettings::default(), Clock::starting_at(START));
        room.learn(Resource::Core, Told { limit: 5_000, remaining: 5_000, reset: START + 3_600 });
        room
    }

    async fn admit_to(room: &Arc<Room>, resource: Resource, purpose: Purpose) -> Result<Admission, Refusal> {
        let org = OrgName::from("acme");
        room.admit(Demand { org: &org, resource, cost: 1, purpose, cap: None }).await
    }

    async fn admit(room: &Arc<Room>, purpose: Purpose) -> Result<Admission, Refusal> {
        admit_to(room, Resource::Core, purpose).await
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_during_a_mandated_wait_and_a_short_one_is_waited_for() {
        let room = room();
        let started = Instant::now();
        room.hold_secondary(Some(Duration::from_secs(17)));
        admit(&room, Purpose::Live).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(17));
        room.hold_primary(Resource::Core, Duration::from_secs(1_000));
        let refused = admit(&room, Purpose::Live).await.err().unwrap();
        assert_eq!(
            refused,
            Refusal { retry_after: Duration::from_secs(1_010), reason: Reason::PrimaryLimit }
        );
        assert!(admit_to(&room, Resource::Graphql, Purpose::Live).await.is_ok());
        let state = room.state();
        let until = START + 17 + 1_010;
        assert_eq!(state.holds, [(Resource::Core, Reason::PrimaryLimit, until)]);
        let refused = state.waits.first().expect("what was refused waits, too");
        assert_eq!((refused.reason, refused.until), (Reason::PrimaryLimit, Some(until)));
        tokio::time::advance(Duration::from_secs(1_011)).await;
        assert_eq!((room.state().holds, room.state().waits), (vec![], vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_visible_and_ends_at_once_when_nobody_waits_any_more() {
        let room = room();
        room.hold_secondary(Some(Duration::from_secs(60)));
        let waiter = tokio::spawn({
            let room = room.clone();
            async move { admit(&room, Purpose::Backfill).await.is_ok() }
        });
        tokio::task::yield_now().await;
        let expected = Wait {
            org: "acme".into(),
            resource: Resource::Core,
            purpose: Purpose::Backfill,
            reason: Reason::SecondaryLimit,
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
        drop(admit(&room, Purpose::Live).await.unwrap());
        admit(&room, Purpose::Live).await.unwrap().settle(0, None);
        let state = room.budget(Resource::Core);
        assert_eq!((state.remaining, state.reserved, state.kept_back), (4_999, 0, 200));
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_answer_one_asks_for_all() {
        let room = Room::new(RoomSettings::default(), Clock::starting_at(START));
        let first = admit(&room, Purpose::Live).await.unwrap();
        let second = tokio::spawn({
            let room = room.clone();
            async move { admit(&room, Purpose::Live).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(room.state().waits[0].reason, Reason::FirstAnswer);
        room.learn(Resource::Core, Told { limit: 60, remaining: 59, reset: START + 3_600 });
        first.settle(1, None);
        assert!(second.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_minute_is_not_overrun() {
        let room = room();
        let started = Instant::now();
        for _ in 0..1_500 {
            admit(&room, Purpose::Live).await.unwrap().settle(1, None);
        }
        assert!(started.elapsed() >= Duration::from_secs(120), "{:?}", started.elapsed());
    }
}

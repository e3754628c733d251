//! The state of a rate limiter together with its clock and lock, shared with the permits it has
//! given out.

use std::sync::{Arc, Mutex, MutexGuard};

use github_stats_actors::activity::Timestamp;
use github_stats_actors::clock::Clock;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::limiter_state::{LimiterState, lock};
use super::settings::RateLimiterSettings;

/// What a rate limiter shares with its permits.
pub(super) struct SharedLimiter {
    pub(super) settings: RateLimiterSettings,
    clock: Arc<Clock>,
    state: Mutex<LimiterState>,
    changed: Notify,
}

impl SharedLimiter {
    pub(super) fn new(settings: RateLimiterSettings, clock: Arc<Clock>) -> Self {
        let state = Mutex::new(LimiterState::new(settings));
        SharedLimiter { settings, clock, state, changed: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LimiterState> {
        lock(&self.state)
    }

    /// GitHub's time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Completes with the next [`SharedLimiter::wake_waiters`].
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Lets the requests that wait check again whether they may be sent.
    pub(super) fn wake_waiters(&self) {
        self.changed.notify_waiters();
    }
}

//! Acquiring, renewing and releasing a Lease.

use std::sync::{Mutex, MutexGuard, PoisonError};

use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::role::ElectionStatus;
use jiff::Timestamp;
use kube::core::DynamicObject;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::api::{LeaseApi, LeaseApiError};
use super::observation::LeaseObservation;
use super::record::{clear_holder, set_holder};
use crate::election::LeaseTiming;
use crate::election::lease_term::LeaseTerm;

/// Number of attempts to release the lease after conflicts.
const RELEASE_ATTEMPTS: usize = 3;

/// The lock that a Lease implements, and what is known of it. Attempts and the watcher share it.
pub(super) struct LeaseLock {
    pub(super) api: LeaseApi,
    identity: String,
    timing: LeaseTiming,
    state: Mutex<LockState>,
    /// Notified when an attempt is worth making; a notification without a waiter is kept for the
    /// next one.
    pub(super) attempt_due: Notify,
}

#[derive(Default)]
struct LockState {
    observed: Option<LeaseObservation>,
    term: LeaseTerm,
}

impl LeaseLock {
    pub(super) fn new(api: LeaseApi, identity: String, timing: LeaseTiming) -> Self {
        LeaseLock { api, identity, timing, state: Mutex::default(), attempt_due: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, LockState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a version of the Lease and returns the updated observation.
    pub(super) fn observe(&self, lease: DynamicObject) -> LeaseObservation {
        let mut state = self.state();
        let observed = LeaseObservation::after(state.observed.as_ref(), lease);
        state.observed = Some(observed.clone());
        observed
    }

    /// When the lease of another holder expires unless it renews; `None` if no other holder is
    /// known.
    pub(super) fn holder_expires(&self) -> Option<Instant> {
        let state = self.state();
        let observed = state.observed.as_ref()?;
        observed.record.holder.as_ref().filter(|holder| **holder != self.identity)?;
        Some(observed.expires(self.timing.lease_duration))
    }

    async fn read(&self) -> Result<Option<LeaseObservation>, LeaseApiError> {
        Ok(self.api.get().await?.map(|lease| self.observe(lease)))
    }

    pub(super) async fn attempt(&self) -> Result<ElectionStatus, LeaseApiError> {
        // The leader knows the version it wrote last; followers have to read the Lease.
        let own = {
            let state = self.state();
            state.observed.clone().filter(|_| state.term.is_held())
        };
        if let Some(observed) = own {
            match self.write(Some(observed)).await {
                Err(LeaseApiError::Conflict | LeaseApiError::Failed(_)) => {}
                outcome => return outcome,
            }
        }
        let observed = self.read().await?;
        // If the Lease was deleted, its last holder may not have noticed yet.
        let last = observed.clone().or_else(|| self.state().observed.clone());
        if let Some(status) = last.as_ref().and_then(|observed| self.follow_holder(observed)) {
            return Ok(status);
        }
        match self.write(observed).await {
            Err(LeaseApiError::Conflict) => self.read_winner().await,
            outcome => outcome,
        }
    }

    /// Becomes a follower if another replica holds a lease that has not expired.
    fn follow_holder(&self, observed: &LeaseObservation) -> Option<ElectionStatus> {
        let holder = observed.record.holder.as_ref().filter(|holder| **holder != self.identity)?;
        if Instant::now() >= observed.expires(self.timing.lease_duration) {
            return None;
        }
        self.state().term.lost();
        Some(ElectionStatus::Follower { leader: Some(holder.clone()) })
    }

    /// Reads the new holder after a conflict.
    async fn read_winner(&self) -> Result<ElectionStatus, LeaseApiError> {
        let leader = self.read().await?.and_then(|observed| observed.record.holder);
        self.state().term.lost();
        // If it is this replica, an earlier request took effect after all; the next attempt renews
        // it.
        Ok(ElectionStatus::Follower { leader: leader.filter(|leader| *leader != self.identity) })
    }

    /// Writes this replica's identity into the observed Lease, or into a new one.
    async fn write(&self, observed: Option<LeaseObservation>) -> Result<ElectionStatus, LeaseApiError> {
        let renews =
            observed.as_ref().is_some_and(|seen| seen.record.holder.as_deref() == Some(&self.identity));
        let exists = observed.is_some();
        let mut lease = observed.map_or_else(|| self.api.blank(), |observed| observed.lease);
        set_holder(&mut lease, &self.identity, self.timing.lease_duration, wall_time());
        // Counts from before the request, because other replicas observe the change only later.
        let until = Instant::now() + self.timing.renew_deadline;
        let written = match exists {
            true => self.api.replace(&lease).await?,
            false => self.api.create(&lease).await?,
        };
        self.observe(written);
        let term = &mut self.state().term;
        Ok(if renews { term.renewed(until) } else { term.acquired(until) })
    }

    pub(super) async fn release(&self) -> Result<(), LeaseApiError> {
        self.state().term.lost();
        for _ in 0..RELEASE_ATTEMPTS {
            let Some(observed) = self.read().await? else { return Ok(()) };
            if observed.record.holder.as_deref() != Some(&self.identity) {
                return Ok(());
            }
            let mut lease = observed.lease;
            clear_holder(&mut lease, wall_time());
            match self.api.replace(&lease).await {
                Err(LeaseApiError::Conflict) => {}
                outcome => return outcome.map(|lease| drop(self.observe(lease))),
            }
        }
        Err(LeaseApiError::Conflict)
    }
}

/// For humans who read the Lease; it is never compared with the clocks of other machines.
fn wall_time() -> Timestamp {
    Timestamp::from_millisecond(system_unix_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
}

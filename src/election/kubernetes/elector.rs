//! The elector over one Lease.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::role::{ElectionBasis, ElectionError, ElectionStatus, Elector};
use jiff::Timestamp;
use kube::core::DynamicObject;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::api::{ApiError, KubernetesCluster, LeaseApi};
use super::observation::LeaseObservation;
use super::record::{release, take};
use super::watch::LeaseWatcher;
use crate::election::LeaseName;
use crate::election::LeaseTiming;
use crate::election::terms::LeadershipTerms;

/// How often a release is tried that somebody's change gets in the way of.
const RELEASE_TRIES: usize = 3;

/// Stands for election by writing its name into a Lease.
///
/// Every change names the version of the Lease that it is a change of, so that of several one succeeds. Another's lease has
/// ended when it was seen unchanged for as long as it lasts; a leader's own deadline is counted from before its request.
pub struct KubernetesElector {
    shared: Arc<ElectorShared>,
    watcher: LeaseWatcher,
    /// One attempt or release at a time.
    turn: tokio::sync::Mutex<()>,
    reason: String,
}

/// What attempts and the watcher share.
pub(super) struct ElectorShared {
    pub(super) api: LeaseApi,
    pub(super) identity: String,
    timing: LeaseTiming,
    state: Mutex<State>,
    /// Rung when another attempt is worth making; a ring that nobody waits for is heard by the next who does.
    pub(super) bell: Notify,
}

#[derive(Default)]
struct State {
    seen: Option<LeaseObservation>,
    terms: LeadershipTerms,
}

impl KubernetesElector {
    /// Stands as `identity`, which nobody else has; `reason` says why a Lease decides.
    pub fn new(
        cluster: KubernetesCluster,
        name: LeaseName,
        identity: String,
        timing: LeaseTiming,
        reason: impl Into<String>,
    ) -> Self {
        let shared = Arc::new(ElectorShared {
            api: LeaseApi::new(cluster, name, timing.attempt_limit()),
            identity,
            timing,
            state: Mutex::default(),
            bell: Notify::new(),
        });
        let turn = tokio::sync::Mutex::default();
        KubernetesElector { watcher: LeaseWatcher::new(shared.clone()), shared, turn, reason: reason.into() }
    }
}

impl ElectorShared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was read; what is there now.
    pub(super) fn observe(&self, lease: DynamicObject) -> LeaseObservation {
        let mut state = self.state();
        let seen = LeaseObservation::after(state.seen.as_ref(), lease);
        state.seen = Some(seen.clone());
        seen
    }

    /// Until when somebody else leads unless it renews; `None` where nobody is known to.
    pub(super) fn rival(&self) -> Option<Instant> {
        let state = self.state();
        let seen = state.seen.as_ref()?;
        seen.record.holder.as_ref().filter(|holder| **holder != self.identity)?;
        Some(seen.ends(self.timing.lease_duration))
    }

    async fn read(&self) -> Result<Option<LeaseObservation>, ApiError> {
        Ok(self.api.get().await?.map(|lease| self.observe(lease)))
    }

    async fn attempt(&self) -> Result<ElectionStatus, ApiError> {
        // Whoever leads knows the version it wrote last; everybody else has to look.
        let known = {
            let state = self.state();
            state.seen.clone().filter(|_| state.terms.holds())
        };
        if let Some(seen) = known {
            match self.write(Some(seen)).await {
                Err(ApiError::Conflict | ApiError::Failed(_)) => {}
                outcome => return outcome,
            }
        }
        let seen = self.read().await?;
        // Where the Lease was deleted, whoever was seen to hold it may not have noticed yet.
        let last = seen.clone().or_else(|| self.state().seen.clone());
        if let Some(standing) = last.as_ref().and_then(|seen| self.stands_behind(seen)) {
            return Ok(standing);
        }
        match self.write(seen).await {
            Err(ApiError::Conflict) => self.look_who_won().await,
            outcome => outcome,
        }
    }

    /// Behind whom this replica stands: a holder whose lease has not ended.
    fn stands_behind(&self, seen: &LeaseObservation) -> Option<ElectionStatus> {
        let holder = seen.record.holder.as_ref().filter(|holder| **holder != self.identity)?;
        if Instant::now() >= seen.ends(self.timing.lease_duration) {
            return None;
        }
        self.state().terms.lost();
        Some(ElectionStatus::Follower { leader: Some(holder.clone()) })
    }

    async fn look_who_won(&self) -> Result<ElectionStatus, ApiError> {
        let leader = self.read().await?.and_then(|seen| seen.record.holder);
        self.state().terms.lost();
        // Our own name there means that an earlier request took effect after all: the next attempt renews it.
        Ok(ElectionStatus::Follower { leader: leader.filter(|leader| *leader != self.identity) })
    }

    /// Writes our name into what was seen, or into a new Lease.
    async fn write(&self, seen: Option<LeaseObservation>) -> Result<ElectionStatus, ApiError> {
        let renews = seen.as_ref().is_some_and(|seen| seen.record.holder.as_deref() == Some(&self.identity));
        let exists = seen.is_some();
        let mut lease = seen.map_or_else(|| self.api.blank(), |seen| seen.lease);
        take(&mut lease, &self.identity, self.timing.lease_duration, wall_time());
        // Counted from before the request: nobody can see it earlier.
        let until = Instant::now() + self.timing.renew_deadline;
        let written = match exists {
            true => self.api.replace(&lease).await?,
            false => self.api.create(&lease).await?,
        };
        self.observe(written);
        let terms = &mut self.state().terms;
        Ok(if renews { terms.won(until) } else { terms.won_anew(until) })
    }

    async fn release(&self) -> Result<(), ApiError> {
        self.state().terms.lost();
        for _ in 0..RELEASE_TRIES {
            let Some(seen) = self.read().await? else { return Ok(()) };
            if seen.record.holder.as_deref() != Some(&self.identity) {
                return Ok(());
            }
            let mut lease = seen.lease;
            release(&mut lease, wall_time());
            match self.api.replace(&lease).await {
                Err(ApiError::Conflict) => {}
                outcome => return outcome.map(|lease| drop(self.observe(lease))),
            }
        }
        Err(ApiError::Conflict)
    }
}

/// For human eyes only: no decision compares it with another machine's.
fn wall_time() -> Timestamp {
    Timestamp::from_millisecond(system_unix_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[async_trait]
impl Elector for KubernetesElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        let _turn = self.turn.lock().await;
        self.shared.attempt().await.map_err(|error| ElectionError(error.to_string()))
    }

    async fn resign(&self) {
        let _turn = self.turn.lock().await;
        if let Err(error) = self.shared.release().await {
            tracing::warn!(%error, "the lease was not released; it ends by itself");
        }
    }

    async fn changed(&self) {
        self.watcher.keep_watching();
        let rivals_end = self.shared.rival();
        let vanished = async {
            match rivals_end {
                Some(end) if end > Instant::now() => tokio::time::sleep_until(end).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shared.bell.notified() => {}
            () = vanished => {}
        }
    }

    fn basis(&self) -> ElectionBasis {
        ElectionBasis { backend: "kubernetes", reason: self.reason.clone(), degraded: false }
    }
}

//! The role as published to the other actors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{ElectionBasis, Epoch, SchedulingAuthority};

/// What a replica does besides serving metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Schedules scrapes and collects garbage.
    Leader,
    /// Works off backfill jobs.
    Follower,
}

impl Role {
    /// The value of the `role` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Leader => "leader",
            Role::Follower => "follower",
        }
    }
}

/// The role, and until when it is valid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoleView {
    pub role: Role,
    /// The leadership's epoch; `None` for a follower.
    pub epoch: Option<Epoch>,
    /// Which election backend decided, and why that one.
    pub basis: ElectionBasis,
    /// The replica that leads, if that is known and another one.
    pub leader: Option<String>,
    /// Why the last attempt failed; `None` when it did not.
    pub last_error: Option<String>,
    /// Whether this replica schedules without being elected, because no election is possible and
    /// the shared store is unreachable.
    #[serde(rename = "stands_in")]
    pub leads_without_election: bool,
    /// When the authority to schedule ends unless it is renewed.
    #[serde(skip)]
    pub until: Option<Instant>,
    /// The acquisition that a leadership results from; see
    /// [`ElectionStatus::Leader`](super::ElectionStatus).
    #[serde(skip)]
    pub term: u64,
    /// Since when no other leader is known: since this replica last led, or its start. `None` once
    /// another one was seen.
    #[serde(skip)]
    pub uncontested_since: Option<Instant>,
}

impl RoleView {
    /// A follower of an unknown leader.
    pub fn follower(basis: impl Into<ElectionBasis>) -> Self {
        RoleView {
            role: Role::Follower,
            epoch: None,
            basis: basis.into(),
            leader: None,
            last_error: None,
            leads_without_election: false,
            until: None,
            term: 0,
            uncontested_since: None,
        }
    }

    /// A leader under `epoch` until then.
    pub fn leader(basis: impl Into<ElectionBasis>, epoch: Epoch, until: Instant) -> Self {
        RoleView { role: Role::Leader, epoch: Some(epoch), until: Some(until), ..RoleView::follower(basis) }
    }

    /// The epoch under which this replica leads at `now`; `None` when it does not, or no longer
    /// does.
    pub fn leads(&self, now: Instant) -> Option<Epoch> {
        self.authority(now).and_then(SchedulingAuthority::epoch)
    }

    /// The authority to schedule at `now`; `None` when this replica has none.
    pub fn authority(&self, now: Instant) -> Option<SchedulingAuthority> {
        self.until.filter(|until| now < *until)?;
        self.epoch
            .map(SchedulingAuthority::Leader)
            .or(self.leads_without_election.then_some(SchedulingAuthority::Outage))
    }
}

/// Where the role actor publishes; outlives its incarnations. Cheap to clone; clones share
/// everything.
#[derive(Clone, Debug)]
pub struct RoleWatch {
    view: Arc<watch::Sender<RoleView>>,
    greatest: Arc<AtomicU64>,
    resigned: Arc<AtomicBool>,
}

impl RoleWatch {
    /// Begins as a follower without a known leader.
    pub fn new(basis: impl Into<ElectionBasis>) -> Self {
        let view = RoleView { uncontested_since: Some(Instant::now()), ..RoleView::follower(basis) };
        RoleWatch {
            view: Arc::new(watch::Sender::new(view)),
            greatest: Arc::default(),
            resigned: Arc::default(),
        }
    }

    /// The role as last published; [`RoleView::leads`] tells whether it is still valid.
    pub fn get(&self) -> RoleView {
        self.view.borrow().clone()
    }

    /// The epoch under which this replica leads now.
    pub fn leads(&self) -> Option<Epoch> {
        self.view.borrow().leads(Instant::now())
    }

    /// The authority to schedule now.
    pub fn authority(&self) -> Option<SchedulingAuthority> {
        self.view.borrow().authority(Instant::now())
    }

    /// The greatest epoch this replica knows of, its own or another's.
    pub fn greatest_epoch(&self) -> Epoch {
        Epoch(self.greatest.load(Ordering::Acquire))
    }

    /// Takes note of an epoch that exists, so that later ones are greater.
    pub fn note_epoch(&self, epoch: Epoch) {
        self.greatest.fetch_max(epoch.0, Ordering::AcqRel);
    }

    /// Publishes a change.
    pub fn set(&self, view: RoleView) {
        self.note_epoch(view.epoch.unwrap_or_default());
        self.view.send_replace(view);
    }

    /// Ends the leadership under `epoch`, which the store refused; a later leadership is
    /// unaffected.
    pub fn revoke(&self, epoch: Epoch, why: &str) {
        let ended = self.view.send_if_modified(|view| {
            let is_current = view.epoch == Some(epoch);
            if is_current {
                let last_error = Some(why.to_owned());
                *view = RoleView { last_error, ..RoleView::follower(view.basis.clone()) };
            }
            is_current
        });
        if ended {
            tracing::warn!(epoch = epoch.0, error = why, "leadership ended, because the store refused it");
        }
    }

    /// Ends any leadership for good, also for later incarnations of the role actor.
    pub fn resign(&self) {
        self.resigned.store(true, Ordering::Release);
        self.set(RoleView::follower(self.get().basis));
    }

    /// Whether this replica no longer runs for leadership.
    pub fn has_resigned(&self) -> bool {
        self.resigned.load(Ordering::Acquire)
    }

    /// Returns as soon as `authority` has ended: released, revoked, replaced or expired.
    pub async fn ended(&self, authority: SchedulingAuthority) {
        let mut changes = self.view.subscribe();
        loop {
            let view = changes.borrow_and_update().clone();
            let Some(until) = view.until.filter(|_| view.authority(Instant::now()) == Some(authority)) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

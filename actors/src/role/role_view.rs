//! The role as everybody else sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Epoch;

/// What a replica does besides serving.
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

/// The role now, and how long it is good for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoleView {
    /// The role.
    pub role: Role,
    /// The leadership's epoch; `None` for a follower.
    pub epoch: Option<Epoch>,
    /// Which backend decided.
    pub backend: &'static str,
    /// Why the last attempt failed; `None` when it did not.
    pub last_error: Option<String>,
    /// When a leadership ends unless it is renewed.
    #[serde(skip)]
    pub until: Option<Instant>,
}

impl RoleView {
    /// A replica that has not stood for election yet.
    pub fn follower(backend: &'static str) -> Self {
        RoleView { role: Role::Follower, epoch: None, backend, last_error: None, until: None }
    }

    /// The epoch to act under at `now`; `None` when this replica does not lead, or no longer does.
    pub fn leads(&self, now: Instant) -> Option<Epoch> {
        self.until.filter(|until| now < *until).and(self.epoch)
    }
}

/// Where the role actor publishes; outlives its incarnations.
#[derive(Clone, Debug)]
pub struct RoleWatch {
    view: Arc<watch::Sender<RoleView>>,
    greatest: Arc<AtomicU64>,
}

impl RoleWatch {
    /// Begins as a follower.
    pub fn new(backend: &'static str) -> Self {
        RoleWatch {
            view: Arc::new(watch::Sender::new(RoleView::follower(backend))),
            greatest: Arc::default(),
        }
    }

    /// The role as last published; see [`RoleView::leads`] for whether it is still good.
    pub fn get(&self) -> RoleView {
        self.view.borrow().clone()
    }

    /// The epoch to act under now.
    pub fn leads(&self) -> Option<Epoch> {
        self.view.borrow().leads(Instant::now())
    }

    /// The greatest epoch this replica has heard of, its own or another's.
    pub fn greatest_epoch(&self) -> Epoch {
        Epoch(self.greatest.load(Ordering::Acquire))
    }

    /// Hears of an epoch.
    pub fn note_epoch(&self, epoch: Epoch) {
        self.greatest.fetch_max(epoch.0, Ordering::AcqRel);
    }

    /// Publishes a change.
    pub fn set(&self, view: RoleView) {
        self.note_epoch(view.epoch.unwrap_or_default());
        self.view.send_replace(view);
    }

    /// Returns as soon as leadership under `epoch` has ended: released, taken over or run out.
    pub async fn lost(&self, epoch: Epoch) {
        let mut changes = self.view.subscribe();
        loop {
            let view = changes.borrow_and_update().clone();
            let Some(until) = view.until.filter(|_| view.leads(Instant::now()) == Some(epoch)) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

//! The role as everybody else sees it.

use std::sync::Arc;

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
pub struct RoleWatch(Arc<watch::Sender<RoleView>>);

impl RoleWatch {
    /// Begins as a follower.
    pub fn new(backend: &'static str) -> Self {
        RoleWatch(Arc::new(watch::Sender::new(RoleView::follower(backend))))
    }

    /// The role as last published; see [`RoleView::leads`] for whether it is still good.
    pub fn get(&self) -> RoleView {
        self.0.borrow().clone()
    }

    /// The epoch to act under now.
    pub fn leads(&self) -> Option<Epoch> {
        self.0.borrow().leads(Instant::now())
    }

    /// Publishes a change.
    pub fn set(&self, view: RoleView) {
        self.0.send_replace(view);
    }

    /// Returns as soon as leadership under `epoch` has ended: released, taken over or run out.
    pub async fn lost(&self, epoch: Epoch) {
        let mut changes = self.0.subscribe();
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

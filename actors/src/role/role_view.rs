//! The role as everybody else sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{ElectionBasis, Epoch, SchedulingAuthority};

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
    /// What decided.
    pub basis: ElectionBasis,
    /// Who leads, where that is known and somebody else.
    pub leader: Option<String>,
    /// Why the last attempt failed; `None` when it did not.
    pub last_error: Option<String>,
    /// Whether a follower collects all the same, because nobody can be elected and the shared store is away.
    pub stands_in: bool,
    /// When a leadership, or standing in, ends unless it is renewed.
    #[serde(skip)]
    pub until: Option<Instant>,
    /// The acquisition a leadership rests on.
    #[serde(skip)]
    pub term: u64,
    /// When this replica last knew that nobody else led: its own leadership, or its start. `None` once it heard of another.
    #[serde(skip)]
    pub unrivalled: Option<Instant>,
}

impl RoleView {
    /// A replica that follows somebody.
    pub fn follower(basis: impl Into<ElectionBasis>) -> Self {
        RoleView {
            role: Role::Follower,
            epoch: None,
            basis: basis.into(),
            leader: None,
            last_error: None,
            stands_in: false,
            until: None,
            term: 0,
            unrivalled: None,
        }
    }

    /// A replica that leads under `epoch` until then.
    pub fn leader(basis: impl Into<ElectionBasis>, epoch: Epoch, until: Instant) -> Self {
        RoleView { role: Role::Leader, epoch: Some(epoch), until: Some(until), ..RoleView::follower(basis) }
    }

    /// The epoch to act under at `now`; `None` when this replica does not lead, or no longer does.
    pub fn leads(&self, now: Instant) -> Option<Epoch> {
        self.mandate(now).and_then(SchedulingAuthority::epoch)
    }

    /// What to schedule under at `now`; `None` when that is not for this replica to do.
    pub fn mandate(&self, now: Instant) -> Option<SchedulingAuthority> {
        self.until.filter(|until| now < *until)?;
        self.epoch.map(SchedulingAuthority::Leader).or(self.stands_in.then_some(SchedulingAuthority::Outage))
    }
}

/// Where the role actor publishes; outlives its incarnations.
#[derive(Clone, Debug)]
pub struct RoleWatch {
    view: Arc<watch::Sender<RoleView>>,
    greatest: Arc<AtomicU64>,
    resigned: Arc<AtomicBool>,
}

impl RoleWatch {
    /// Begins as a follower of nobody.
    pub fn new(basis: impl Into<ElectionBasis>) -> Self {
        let view = RoleView { unrivalled: Some(Instant::now()), ..RoleView::follower(basis) };
        RoleWatch {
            view: Arc::new(watch::Sender::new(view)),
            greatest: Arc::default(),
            resigned: Arc::default(),
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

    /// What to schedule under now.
    pub fn mandate(&self) -> Option<SchedulingAuthority> {
        self.view.borrow().mandate(Instant::now())
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

    /// Ends the leadership under `epoch`, which the store refused; a later one is left alone.
    pub fn refuse(&self, epoch: Epoch, why: &str) {
        let ended = self.view.send_if_modified(|view| {
            let is_present = view.epoch == Some(epoch);
            if is_present {
                let last_error = Some(why.to_owned());
                *view = RoleView { last_error, ..RoleView::follower(view.basis.clone()) };
            }
            is_present
        });
        if ended {
            tracing::warn!(epoch = epoch.0, error = why, "leadership ended, because the store refused it");
        }
    }

    /// Ends any leadership for good, whichever incarnation of the role actor comes.
    pub fn resign(&self) {
        self.resigned.store(true, Ordering::Release);
        self.set(RoleView::follower(self.get().basis));
    }

    /// Whether this replica stands no more.
    pub fn has_resigned(&self) -> bool {
        self.resigned.load(Ordering::Acquire)
    }

    /// Returns as soon as `mandate` has ended: released, refused, taken over or run out.
    pub async fn ended(&self, mandate: SchedulingAuthority) {
        let mut changes = self.view.subscribe();
        loop {
            let view = changes.borrow_and_update().clone();
            let Some(until) = view.until.filter(|_| view.mandate(Instant::now()) == Some(mandate)) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

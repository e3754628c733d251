//! The roles of a replica: one for each shard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::balance::{may_run, should_yield};
use super::{ElectionBasis, Epoch, PeerLoad, RoleView, RoleWatch, Shard};
use crate::activity::OrgName;

/// The roles of a replica, one for each shard, and what others lead. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Roles {
    watches: Arc<[RoleWatch]>,
    others: Arc<ArcSwap<Vec<PeerLoad>>>,
    yielded: Arc<Mutex<Option<Instant>>>,
}

impl Roles {
    /// Begins as a follower of nobody, in each of `shards`; at least one.
    pub fn new(basis: impl Into<ElectionBasis>, shards: u32) -> Self {
        let basis = basis.into();
        let watches = Shard::all(shards).map(|_| RoleWatch::new(basis.clone())).collect();
        Roles { watches, others: Arc::default(), yielded: Arc::default() }
    }

    /// Every shard with its role.
    pub fn iter(&self) -> impl Iterator<Item = (Shard, &RoleWatch)> {
        Shard::all(self.watches.len() as u32).zip(self.watches.iter())
    }

    /// The role in a shard.
    pub fn watch(&self, shard: Shard) -> &RoleWatch {
        self.watches.get(shard.number() as usize).unwrap_or(self.first())
    }

    /// The role in the first shard, whose leader does what is to be done once for all.
    pub fn first(&self) -> &RoleWatch {
        &self.watches[0]
    }

    /// The role in the shard an organisation belongs to.
    pub fn of(&self, org: &OrgName) -> &RoleWatch {
        self.watch(Shard::of(org, self.watches.len() as u32))
    }

    /// The greatest epoch to act under now; `None` while this replica leads nowhere.
    pub fn leads(&self) -> Option<Epoch> {
        self.watches.iter().filter_map(RoleWatch::leads).max()
    }

    /// How many shards it leads.
    pub fn held(&self) -> usize {
        self.watches.iter().filter(|watch| watch.leads().is_some()).count()
    }

    /// The role as last published: that of a shard it leads, if there is one.
    pub fn get(&self) -> RoleView {
        let now = Instant::now();
        let views = self.watches.iter().map(RoleWatch::get);
        views
            .max_by_key(|view| (view.leads(now), view.stands_in, view.last_error.is_some()))
            .unwrap_or_else(|| self.first().get())
    }

    /// What this replica tells the others.
    pub fn load(&self) -> PeerLoad {
        let is_able = |watch: &RoleWatch| {
            let view = watch.get();
            !watch.has_resigned() && view.last_error.is_none() && !view.basis.degraded
        };
        PeerLoad { stands: self.watches.iter().all(is_able), held: self.held() }
    }

    /// Whether a replica that follows in a shard may run for it at once, as little as it leads.
    pub(super) fn may_run(&self) -> bool {
        may_run(self.held(), &self.others.load())
    }

    /// Whether a shard that this replica leads should now go to another one. Not twice within `pace`, in which the others
    /// learn of it.
    pub(super) fn should_yield(&self, pace: Duration) -> bool {
        let mut yielded = self.yielded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = yielded.is_some_and(|last| last.elapsed() < pace);
        let yields = !is_early && self.load().stands && should_yield(self.held(), &self.others.load());
        if yields {
            *yielded = Some(Instant::now());
        }
        yields
    }

    /// What the others told last; nothing while they cannot be heard.
    pub fn hear(&self, others: Vec<PeerLoad>) {
        self.others.store(Arc::new(others));
    }

    /// Hears of an epoch.
    pub fn note_epoch(&self, epoch: Epoch) {
        self.watches.iter().for_each(|watch| watch.note_epoch(epoch));
    }
}

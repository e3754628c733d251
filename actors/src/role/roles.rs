//! The roles of a replica, one for each shard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::balance::{may_campaign, should_yield};
use super::{ElectionBasis, Epoch, PeerLoad, RoleView, RoleWatch, Shard};
use crate::activity::OrgName;

/// The roles of a replica, one for each shard, and how many shards other replicas lead. Cheap to
/// clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Roles {
    watches: Arc<[RoleWatch]>,
    peers: Arc<ArcSwap<Vec<PeerLoad>>>,
    /// When this replica last gave a shard up to balance the load.
    yielded: Arc<Mutex<Option<Instant>>>,
}

impl Roles {
    /// Begins as a follower without a known leader in each of `shards`, which is at least one.
    pub fn new(basis: impl Into<ElectionBasis>, shards: u32) -> Self {
        let basis = basis.into();
        let watches = Shard::all(shards).map(|_| RoleWatch::new(basis.clone())).collect();
        Roles { watches, peers: Arc::default(), yielded: Arc::default() }
    }

    /// Every shard with its role.
    pub fn iter(&self) -> impl Iterator<Item = (Shard, &RoleWatch)> {
        Shard::all(self.watches.len() as u32).zip(self.watches.iter())
    }

    /// The role in a shard.
    pub fn watch(&self, shard: Shard) -> &RoleWatch {
        self.watches.get(shard.number() as usize).unwrap_or(self.first())
    }

    /// The role in the first shard, whose leader also does what concerns all shards.
    pub fn first(&self) -> &RoleWatch {
        &self.watches[0]
    }

    /// The role in the shard an organisation belongs to.
    pub fn of(&self, org: &OrgName) -> &RoleWatch {
        self.watch(Shard::of(org, self.watches.len() as u32))
    }

    /// The greatest epoch under which this replica leads now; `None` while it leads no shard.
    pub fn leads(&self) -> Option<Epoch> {
        self.watches.iter().filter_map(RoleWatch::leads).max()
    }

    /// How many shards this replica leads now.
    pub fn shards_led(&self) -> usize {
        self.watches.iter().filter(|watch| watch.leads().is_some()).count()
    }

    /// The role as last published in one shard: one that this replica leads, if there is any.
    pub fn get(&self) -> RoleView {
        let now = Instant::now();
        let views = self.watches.iter().map(RoleWatch::get);
        views
            .max_by_key(|view| (view.leads(now), view.leads_without_election, view.last_error.is_some()))
            .unwrap_or_else(|| self.first().get())
    }

    /// What this replica reports to the others.
    pub fn load(&self) -> PeerLoad {
        let is_able = |watch: &RoleWatch| {
            let view = watch.get();
            !watch.has_resigned() && view.last_error.is_none() && !view.basis.degraded
        };
        PeerLoad { can_lead: self.watches.iter().all(is_able), shards_led: self.shards_led() }
    }

    /// Whether this replica may run for another shard at once, because no other leads fewer.
    pub(super) fn may_campaign(&self) -> bool {
        may_campaign(self.shards_led(), &self.peers.load())
    }

    /// Whether this replica should give up a shard now. True at most once within `pace`, the time
    /// in which the others learn of it.
    pub(super) fn should_yield(&self, pace: Duration) -> bool {
        let mut yielded = self.yielded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = yielded.is_some_and(|last| last.elapsed() < pace);
        let yields = !is_early && self.load().can_lead && should_yield(self.shards_led(), &self.peers.load());
        if yields {
            *yielded = Some(Instant::now());
        }
        yields
    }

    /// Takes over what the other replicas last reported; nothing while they are unreachable.
    pub fn set_peers(&self, peers: Vec<PeerLoad>) {
        self.peers.store(Arc::new(peers));
    }

    /// Takes note of an epoch that exists, so that later ones are greater.
    pub fn note_epoch(&self, epoch: Epoch) {
        self.watches.iter().for_each(|watch| watch.note_epoch(epoch));
    }
}

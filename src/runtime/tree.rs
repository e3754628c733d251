//! The supervision tree of a replica.

use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::{ActorRef, DuplicateId, RootHandle, start_root};
use github_stats_actors::activity::OrgName;
use github_stats_actors::events::EventObserver;
use github_stats_actors::fleet::{FleetActor, PeerExchange};
use github_stats_actors::health::Probe;
use github_stats_actors::maintenance::PauseRegistry;
use github_stats_actors::queue::DeadLetterService;
use github_stats_actors::role::{Elector, RoleActor};
use github_stats_actors::source::ActivitySource;

use super::queue::BackfillQueue;
use super::stores::Stores;
use super::tree_builder::TreeBuilder;
use crate::config::Config;
use crate::github::quota::RateLimiter;
use crate::replica::ReplicaState;

/// An organisation to collect.
pub struct Organisation {
    /// Its login.
    pub org: OrgName,
    /// Where its activity is read.
    pub source: Arc<dyn ActivitySource>,
    /// The rate limits of its credentials.
    pub rate_limiter: Arc<RateLimiter>,
    /// How often it is scraped.
    pub interval: Duration,
    /// How many of its repositories are collected at the same time.
    pub concurrency: usize,
}

/// What the tree is built from, besides the configuration.
pub struct TreeParts {
    /// The state that the actors publish.
    pub state: ReplicaState,
    /// The stores.
    pub stores: Stores,
    /// The organisations to collect.
    pub organisations: Vec<Organisation>,
    /// The elector of each shard; at least one.
    pub electors: Vec<Arc<dyn Elector>>,
    /// The queue of backfill jobs.
    pub backfill: BackfillQueue,
    /// Observes events, to count them.
    pub observer: Arc<dyn EventObserver>,
    /// Checks of dependencies.
    pub probes: Vec<Arc<dyn Probe>>,
    /// This replica's side of the exchange with the others; `None` for a replica that has none.
    pub exchange: Option<Arc<dyn PeerExchange>>,
}

/// A running tree.
pub struct Tree {
    /// Its root.
    pub root: RootHandle,
    /// The state that its actors publish.
    pub state: ReplicaState,
    /// The role actor of each shard, which can resign.
    pub roles: Vec<ActorRef<RoleActor>>,
    /// Where operators handle dead letters.
    pub dead_letters: DeadLetterService,
    /// Where operators pause scraping.
    pub maintenance: PauseRegistry,
    /// The fleet actor, which can withdraw this replica's report.
    pub fleet: ActorRef<FleetActor>,
}

/// Starts the tree on the current arbiter.
///
/// # Errors
/// [`DuplicateId`] where one organisation is given twice.
pub fn start(config: &Config, parts: TreeParts) -> Result<Tree, DuplicateId> {
    let builder = TreeBuilder::new(config, &parts);
    let root = start_root(builder.root())?;
    // Readers poll the cell; it is filled before any actor has started.
    let _ = parts.state.tree.set(root.clone());
    Ok(Tree {
        root,
        dead_letters: builder.dead_letters(),
        maintenance: builder.pauses(),
        roles: builder.actors.roles,
        fleet: builder.actors.fleet,
        state: parts.state,
    })
}

//! What the exchange with the other replicas needs, and what it publishes.

use std::sync::Arc;

use actix_supervisor::Observable;
use serde::Serialize;

use super::PeerExchange;
use crate::store::SharedState;

/// The settings of a [`FleetActor`](super::FleetActor).
#[derive(Clone)]
pub struct FleetSettings {
    /// The state through which replicas exchange reports and counts.
    pub shared: Arc<dyn SharedState>,
    /// This replica's name.
    pub replica: String,
    /// Whether other replicas can share that state.
    pub has_others: bool,
    /// This replica's side of the exchange.
    pub exchange: Arc<dyn PeerExchange>,
    /// Where the actor's state is published.
    pub state: Observable<FleetState>,
}

/// The published state of a [`FleetActor`](super::FleetActor).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FleetState {
    /// The names of the live replicas as of the last exchange, this one's included.
    pub replicas: Vec<String>,
    /// Why the others cannot be reached; `None` while they can.
    pub cut_off: Option<String>,
}

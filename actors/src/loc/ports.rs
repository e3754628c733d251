//! What collecting lines of code reads from, writes to and reports to.

use std::sync::Arc;

use actix_supervisor::ActorRef;

use super::LocEvent;
use crate::activity::OrgName;
use crate::clock::Clock;
use crate::observer::Observer;
use crate::source::ActivitySource;
use crate::store::StoreActor;

/// The ports of a [`LocCollector`](super::LocCollector); cheap to clone.
#[derive(Clone)]
pub struct LocPorts {
    pub org: OrgName,
    pub source: Arc<dyn ActivitySource>,
    pub store: ActorRef<StoreActor>,
    pub clock: Arc<Clock>,
    pub observer: Arc<dyn Observer<LocEvent>>,
}

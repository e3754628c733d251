//! Elections against real backends.

mod backend_selection;
mod failover;
mod kubernetes;
mod kubernetes_api;
mod leadership_history;
mod outage;
mod redis;
mod shards;
mod shutdown;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use github_stats::election;
use github_stats_actors::role::contract::Timing;

use crate::support::{Network, soak};

/// Lease timing as short as a busy machine allows.
fn timing() -> Timing {
    Timing {
        lease_duration: Duration::from_secs(3),
        renew_deadline: Duration::from_secs(2),
        retry_period: Duration::from_millis(400),
        stress_duration: Duration::from_secs(if soak() { 600 } else { 12 }),
    }
}

fn lease_timing() -> election::LeaseTiming {
    let Timing { lease_duration, renew_deadline, .. } = timing();
    election::LeaseTiming { lease_duration, renew_deadline }
}

/// A separate network for each replica.
struct Networks {
    server: std::net::SocketAddr,
    by_replica: Mutex<BTreeMap<String, Network>>,
}

impl Networks {
    fn to(server: std::net::SocketAddr) -> Self {
        Networks { server, by_replica: Mutex::default() }
    }

    /// The address at which the replica reaches the server.
    async fn of(&self, replica: &str) -> std::net::SocketAddr {
        let proxy = Network::to(self.server).await;
        let mut by_replica = self.by_replica.lock().unwrap_or_else(PoisonError::into_inner);
        by_replica.entry(replica.to_owned()).or_insert(proxy).address()
    }

    fn cut(&self, replica: &str, cut: bool) {
        if let Some(proxy) = self.by_replica.lock().unwrap_or_else(PoisonError::into_inner).get(replica) {
            proxy.cut(cut);
        }
    }
}

//! Checks whether a Lease can be read.

use std::time::Duration;

use super::api::{KubernetesCluster, LeaseApi};
use super::record::LeaderElectionRecord;
use crate::election::LeaseName;

/// Reads the Lease once and describes its state. The permission to write is not checked.
///
/// # Errors
/// The reason why it cannot be read, and what to do about it.
pub async fn preflight(
    cluster: KubernetesCluster,
    name: LeaseName,
    limit: Duration,
) -> Result<String, String> {
    let lease = format!("the Lease {}/{}", name.namespace, name.name);
    let api = LeaseApi::new(cluster, name, limit);
    match api.get().await {
        Ok(Some(found)) => Ok(match LeaderElectionRecord::of(&found).holder {
            Some(holder) => format!("{lease} is held by {holder}"),
            None => format!("{lease} has no holder"),
        }),
        Ok(None) => Ok(format!("{lease} does not exist yet; the first leader creates it")),
        Err(error) => Err(error.to_string()),
    }
}

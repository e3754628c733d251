//! Whether the Lease can be read, in a sentence.

use std::time::Duration;

use super::api::{KubernetesCluster, LeaseApi};
use super::record::LeaderElectionRecord;
use crate::election::LeaseName;

/// Reads the Lease once. Whether it may be written shows only when it is.
///
/// # Errors
/// Why it cannot be read, and what to do.
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
            None => format!("{lease} is held by nobody"),
        }),
        Ok(None) => Ok(format!("{lease} is not there yet; the first leader makes it")),
        Err(error) => Err(error.to_string()),
    }
}

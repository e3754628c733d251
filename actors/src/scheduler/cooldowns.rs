//! The cooldowns of organisations, as all replicas know them.

use std::sync::Arc;
use std::time::Duration;

use crate::activity::{OrgName, Timestamp};
use crate::store::{SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::Cooldowns;

/// The cooldowns that leaders announce, so that the workers of every replica defer the jobs of such
/// an organisation instead of failing them.
#[derive(Clone)]
pub struct Cooldowns {
    shared: Arc<dyn SharedState>,
}

impl Cooldowns {
    /// The cooldowns in this shared state.
    pub fn new(shared: Arc<dyn SharedState>) -> Self {
        Cooldowns { shared }
    }

    /// Announces that an organisation is in cooldown from `now` until `until`.
    pub async fn announce(&self, org: &OrgName, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let seconds = u64::try_from(until.seconds_since(now)).unwrap_or(0).max(1);
        let value = until.as_unix().to_string();
        self.shared.put(TABLE, org.as_str(), value.as_bytes(), Duration::from_secs(seconds)).await
    }

    /// How long the cooldown of an organisation still lasts at `now`; `None` if there is none, or
    /// if the shared state is unreachable: then its jobs fail and are retried.
    pub async fn remaining(&self, org: &OrgName, now: Timestamp) -> Option<Duration> {
        let value = self.shared.get(TABLE, org.as_str()).await.ok().flatten()?;
        let until = Timestamp::from_unix(std::str::from_utf8(&value).ok()?.parse().ok()?);
        let seconds = u64::try_from(until.seconds_since(now)).ok()?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryState;

    #[tokio::test(start_paused = true)]
    async fn a_cooldown_is_known_to_all_replicas_until_it_ends() {
        let cooldowns = Cooldowns::new(Arc::new(MemoryState::new()));
        let now = Timestamp::from_unix(1_000);
        let org = OrgName::from("acme");
        assert_eq!(cooldowns.remaining(&org, now).await, None);
        cooldowns.announce(&org, now + 120, now).await.unwrap();
        assert_eq!(cooldowns.remaining(&org, now + 20).await, Some(Duration::from_secs(100)));
        assert_eq!(cooldowns.remaining(&org, now + 120).await, None, "it has ended by GitHub's clock");
        tokio::time::advance(Duration::from_secs(121)).await;
        assert_eq!(cooldowns.remaining(&org, now).await, None, "it has ended by the local clock");
    }
}

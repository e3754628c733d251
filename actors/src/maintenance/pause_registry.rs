//! The maintenance pauses, shared by all replicas.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::Observable;
use tokio::time::timeout;

use super::{Pause, pause_of};
use crate::activity::OrgName;
use crate::clock::Clock;
use crate::store::{SharedState, SharedTable, StoreError};

const TABLE: SharedTable = SharedTable::Maintenance;
/// How long to wait for the shared state before the last known pauses are used.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps pauses in the shared state, so that every replica honours them, with a copy that can be
/// read without waiting. Cheap to clone.
#[derive(Clone)]
pub struct PauseRegistry {
    shared: Arc<dyn SharedState>,
    clock: Arc<Clock>,
    cache: Observable<Vec<Pause>>,
}

impl fmt::Debug for PauseRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PauseRegistry").field("cache", &self.cache.get()).finish_non_exhaustive()
    }
}

impl PauseRegistry {
    /// The pauses in this shared state; `cache` holds the copy that was last read.
    pub fn new(shared: Arc<dyn SharedState>, clock: Arc<Clock>, cache: Observable<Vec<Pause>>) -> Self {
        PauseRegistry { shared, clock, cache }
    }

    /// Starts a pause, or replaces the one of this organisation.
    ///
    /// # Errors
    /// If it cannot be stored; then nothing changes.
    pub async fn start(&self, pause: &Pause) -> Result<(), StoreError> {
        let seconds = pause.until.seconds_since(self.clock.now()).max(1).unsigned_abs();
        let value = serde_json::to_vec(pause).map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.shared.put(TABLE, pause.org.as_str(), &value, Duration::from_secs(seconds)).await?;
        let Pause { org, reason, by, until, .. } = pause;
        tracing::info!(target: "audit", action = "maintenance.start", %org, reason, by, %until, "scraping is paused");
        self.cache.update(|cached| {
            cached.retain(|other| other.org != pause.org);
            cached.push(pause.clone());
        });
        Ok(())
    }

    /// Ends the pause of this organisation, or all pauses; returns those that were ended.
    ///
    /// # Errors
    /// If the shared state is unreachable; some of them may have been ended.
    pub async fn end(&self, org: Option<&OrgName>, by: &str) -> Result<Vec<Pause>, StoreError> {
        self.refresh().await?;
        let mut ended = self.active_pauses();
        ended.retain(|pause| org.is_none_or(|org| pause.org == *org));
        for pause in &ended {
            self.shared.remove(TABLE, pause.org.as_str()).await?;
            tracing::info!(target: "audit", action = "maintenance.end", org = %pause.org, by, "scraping resumes");
        }
        self.cache.update(|cached| cached.retain(|pause| !ended.contains(pause)));
        Ok(ended)
    }

    /// Reads the pauses from the shared state into the copy.
    ///
    /// # Errors
    /// If it is unreachable; the copy is kept then, each pause until its end.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let entries = self.shared.entries(TABLE).await?;
        // Entries of another version that cannot be read pause nothing here.
        let pauses = entries.iter().filter_map(|(_, value)| serde_json::from_slice(value).ok());
        let pauses: Vec<Pause> = pauses.collect();
        if *self.cache.get() != pauses {
            self.cache.set(pauses);
        }
        Ok(())
    }

    /// The active pause of this organisation, read from the shared state, or from the copy if that
    /// does not answer in time.
    pub async fn active_pause(&self, org: &OrgName) -> Option<Pause> {
        if !matches!(timeout(PATIENCE, self.refresh()).await, Ok(Ok(()))) {
            tracing::debug!(%org, "the pauses cannot be read; the last known ones stay in effect");
        }
        self.cached_pause(org)
    }

    /// The active pause of this organisation in the copy. Never waits.
    pub fn cached_pause(&self, org: &OrgName) -> Option<Pause> {
        pause_of(&self.cache.get(), org, self.clock.now()).cloned()
    }

    /// Every active pause in the copy. Never waits.
    pub fn active_pauses(&self) -> Vec<Pause> {
        let now = self.clock.now();
        self.cache.get().iter().filter(|pause| pause.is_active(now)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Timestamp;
    use crate::store::MemoryState;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn pause(org: &str, seconds: i64) -> Pause {
        Pause { org: org.into(), reason: "a test".into(), by: "ann".into(), from: NOW, until: NOW + seconds }
    }

    fn two_replicas() -> [PauseRegistry; 2] {
        let shared: Arc<dyn SharedState> = Arc::new(MemoryState::new());
        let clock = Clock::starting_at(NOW);
        [(); 2].map(|()| PauseRegistry::new(shared.clone(), clock.clone(), Observable::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn every_replica_honours_a_pause_until_it_expires() {
        let [one, other] = two_replicas();
        let org = OrgName::from("acme");
        one.start(&pause("acme", 60)).await.unwrap();
        assert_eq!(one.cached_pause(&org), Some(pause("acme", 60)), "at once where it was started");
        assert_eq!(other.cached_pause(&org), None, "its copy is not refreshed yet");
        assert_eq!(other.active_pause(&org).await, Some(pause("acme", 60)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(other.cached_pause(&org), None, "without a refresh");
        assert_eq!(other.active_pause(&org).await, None);
        assert_eq!(other.active_pauses(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_ended_by_organisation_or_together_with_all_others() {
        let [one, other] = two_replicas();
        let (acme, globex) = (OrgName::from("acme"), OrgName::from("globex"));
        for name in ["acme", "globex", Pause::ALL] {
            one.start(&pause(name, 60)).await.unwrap();
        }
        assert_eq!(other.end(Some(&acme), "bob").await.unwrap(), [pause("acme", 60)]);
        assert_eq!(
            other.cached_pause(&acme),
            Some(pause(Pause::ALL, 60)),
            "the pause of all organisations is still active"
        );
        assert_eq!(other.end(None, "bob").await.unwrap().len(), 2);
        assert_eq!(one.active_pause(&globex).await, None);
        assert_eq!(one.end(None, "bob").await.unwrap(), []);
    }
}

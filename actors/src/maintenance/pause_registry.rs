//! The pauses as all replicas know them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Pause, pause_of};
use crate::activity::OrgName;
use crate::clock::Clock;
use crate::store::{SharedState, SharedTable, StoreError};
use actix_supervisor::Observable;

const TABLE: SharedTable = SharedTable::Maintenance;
/// How long whoever wants to begin something waits for the shared state; then what was known last counts.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps pauses in the shared state, so that whoever leads honours them, and shows what it last saw there.
#[derive(Clone)]
pub struct PauseRegistry {
    shared: Arc<dyn SharedState>,
    clock: Arc<Clock>,
    known: Observable<Vec<Pause>>,
}

impl fmt::Debug for PauseRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("known", &self.known.get()).finish_non_exhaustive()
    }
}

impl PauseRegistry {
    /// The pauses in this shared state; what is seen there is shown in `known`.
    pub fn new(shared: Arc<dyn SharedState>, clock: Arc<Clock>, known: Observable<Vec<Pause>>) -> Self {
        PauseRegistry { shared, clock, known }
    }

    /// Begins a pause, or gives the one of this organisation another end.
    ///
    /// # Errors
    /// When it cannot be stored; nothing is paused then that was not before.
    pub async fn start(&self, pause: &Pause) -> Result<(), StoreError> {
        let seconds = pause.until.seconds_since(self.clock.now()).max(1).unsigned_abs();
        let value = serde_json::to_vec(pause).map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.shared.put(TABLE, pause.org.as_str(), &value, Duration::from_secs(seconds)).await?;
        let Pause { org, reason, by, until, .. } = pause;
        tracing::info!(target: "audit", action = "maintenance.start", %org, reason, by, %until, "scraping is paused");
        self.known.update(|known| {
            known.retain(|other| other.org != pause.org);
            known.push(pause.clone());
        });
        Ok(())
    }

    /// Ends the pause of this organisation, or all pauses; which ones those were.
    ///
    /// # Errors
    /// When the shared state is out of reach; some of them may have ended.
    pub async fn end(&self, org: Option<&OrgName>, by: &str) -> Result<Vec<Pause>, StoreError> {
        self.refresh().await?;
        let mut ended = self.in_force_now();
        ended.retain(|pause| org.is_none_or(|org| pause.org == *org));
        for pause in &ended {
            self.shared.remove(TABLE, pause.org.as_str()).await?;
            tracing::info!(target: "audit", action = "maintenance.end", org = %pause.org, by, "scraping goes on");
        }
        self.known.update(|known| known.retain(|pause| !ended.contains(pause)));
        Ok(ended)
    }

    /// Looks at the shared state again.
    ///
    /// # Errors
    /// When it is out of reach; what was known is kept then, each pause until its end.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let entries = self.shared.entries(TABLE).await?;
        // What another version writes otherwise pauses nothing here.
        let pauses = entries.iter().filter_map(|(_, value)| serde_json::from_slice(value).ok());
        let pauses: Vec<Pause> = pauses.collect();
        if *self.known.get() != pauses {
            self.known.set(pauses);
        }
        Ok(())
    }

    /// What keeps this organisation from being scraped now, by the shared state, or by what it last told where it does not
    /// answer.
    pub async fn look(&self, org: &OrgName) -> Option<Pause> {
        if !matches!(timeout(PATIENCE, self.refresh()).await, Ok(Ok(()))) {
            tracing::debug!(%org, "the pauses cannot be read; those known last count");
        }
        self.known(org)
    }

    /// What keeps this organisation from being scraped now, as last seen. Never waits.
    pub fn known(&self, org: &OrgName) -> Option<Pause> {
        pause_of(&self.known.get(), org, self.clock.now()).cloned()
    }

    /// Every pause that has not ended, as last seen. Never waits.
    pub fn in_force_now(&self) -> Vec<Pause> {
        let now = self.clock.now();
        self.known.get().iter().filter(|pause| pause.is_in_force(now)).cloned().collect()
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
    async fn every_replica_honours_what_one_was_told_until_it_ends_by_itself() {
        let [one, other] = two_replicas();
        let org = OrgName::from("acme");
        one.start(&pause("acme", 60)).await.unwrap();
        assert_eq!(one.known(&org), Some(pause("acme", 60)), "at once where it was told");
        assert_eq!(other.known(&org), None, "it has not looked yet");
        assert_eq!(other.look(&org).await, Some(pause("acme", 60)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(other.known(&org), None, "without looking");
        assert_eq!(other.look(&org).await, None);
        assert_eq!(other.in_force_now(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_ended_by_its_name_and_all_of_them_without_one() {
        let [one, other] = two_replicas();
        let (acme, globex) = (OrgName::from("acme"), OrgName::from("globex"));
        for name in ["acme", "globex", Pause::ALL] {
            one.start(&pause(name, 60)).await.unwrap();
        }
        assert_eq!(other.end(Some(&acme), "bob").await.unwrap(), [pause("acme", 60)]);
        assert_eq!(other.known(&acme), Some(pause(Pause::ALL, 60)), "all are paused yet");
        assert_eq!(other.end(None, "bob").await.unwrap().len(), 2);
        assert_eq!(one.look(&globex).await, None);
        assert_eq!(one.end(None, "bob").await.unwrap(), []);
    }
}

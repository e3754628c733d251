//! Removes records that are older than retention.

use std::fmt::Display;
use std::sync::Arc;

use actix_supervisor::ActorRef;

use super::{HistorySettings, SchedulerEvent, due_from, fence};
use crate::activity::{HOUR, OrgName, RepoState, Timestamp, Window};
use crate::clock::Clock;
use crate::observer::Observer;
use crate::role::{Epoch, RoleWatch, SchedulingAuthority};
use crate::store::{CollectGarbage, RepositoriesOf, StoreActor, StoreError};

/// Seconds by which the floor of a repository must at least rise.
const STEP: i64 = HOUR;

/// Raises the floors of repositories to the end of retention. Only an elected leader does that.
#[derive(Clone)]
pub(super) struct GarbageCollector {
    pub(super) store: ActorRef<StoreActor>,
    pub(super) clock: Arc<Clock>,
    pub(super) history: HistorySettings,
    pub(super) observer: Arc<dyn Observer<SchedulerEvent>>,
}

impl GarbageCollector {
    /// Collects the garbage of one organisation.
    pub(super) async fn collect(&self, org: &OrgName, role: &RoleWatch, epoch: Epoch) -> Result<(), String> {
        fence::confirm(&self.store, role, SchedulingAuthority::Leader(epoch)).await.map_err(text)?;
        let states = self.store.call(RepositoriesOf(org.clone())).await.map_err(text)?;
        let floor = self.clock.now() - self.history.retention;
        for state in states.map_err(text)? {
            if floor.seconds_since(state.floor) < STEP {
                continue;
            }
            self.report_abandoned_gaps(&state, floor);
            let message = CollectGarbage { key: state.key.clone(), floor, epoch };
            let removed = self.store.call(message).await.map_err(text)?;
            let removed = removed.map_err(|error| {
                if matches!(error, StoreError::StaleEpoch { .. }) {
                    role.revoke(epoch, &error.to_string());
                }
                text(error)
            })?;
            tracing::debug!(repo = %state.meta.name, removed, "garbage was collected");
        }
        Ok(())
    }

    fn report_abandoned_gaps(&self, state: &RepoState, floor: Timestamp) {
        let from = state.floor.max(due_from(state.meta.first_seen, state.meta.first_seen, self.history));
        let abandoned = Window::new(from, floor).map_or_else(Vec::new, |window| state.coverage.gaps(window));
        for gap in abandoned {
            tracing::warn!(org = %state.key.org, repo = %state.meta.name, window = %gap, "a gap was given up: it is older than retention");
            self.observer.on_event(SchedulerEvent::WindowGivenUp { org: state.key.org.clone() });
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

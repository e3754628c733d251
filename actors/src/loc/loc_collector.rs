//! Collects the lines of code of an organisation's commits.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::StreamExt;

use super::loc_state::LocState;
use super::repository_round::RepositoryRound;
use super::{LocEvent, LocPorts, LocSettings};
use crate::activity::RepoState;
use crate::source::ListedRepository;

/// How long a round may take, so that it does not delay the next cycle for long; the next round
/// continues it.
const ROUND_LIMIT: Duration = Duration::from_secs(60);

/// Collects the lines of code of an organisation's commits, in a round after each scrape cycle. Its
/// state is in memory only: a new collector visits every repository once, and asks again for the
/// commits that have no lines.
pub struct LocCollector {
    settings: LocSettings,
    ports: LocPorts,
    state: LocState,
}

impl LocCollector {
    /// A collector that knows nothing yet.
    pub fn new(settings: LocSettings, ports: LocPorts) -> Self {
        LocCollector { state: LocState::new(&settings), settings, ports }
    }

    /// Updates the repositories that need it, as far as the time and the hour's budget suffice.
    /// Does nothing where the source includes lines of code itself. When it is dropped or runs out
    /// of time, only the requests in progress are lost.
    pub async fn round(&self, repositories: &[(ListedRepository, &RepoState)], concurrency: usize) {
        if self.ports.source.includes_loc() {
            return;
        }
        let now = self.ports.clock.now();
        let rate_limited = AtomicBool::new(false);
        let (settings, ports, state, rate_limited) =
            (&self.settings, &self.ports, &self.state, &rate_limited);
        let updates = futures::stream::iter(self.state.due(repositories, now, settings))
            .map(|(repository, stored)| async move {
                let round = RepositoryRound { settings, ports, state, rate_limited, repository, stored, now };
                round.run().await;
            })
            .buffer_unordered(concurrency.max(1))
            .collect::<Vec<()>>();
        if tokio::time::timeout(ROUND_LIMIT, updates).await.is_err() {
            tracing::debug!(org = %self.ports.org, "lines of code are not complete yet; the next round continues");
        }
        self.state.retain(repositories);
        let (org, repositories) = (self.ports.org.clone(), self.state.sources());
        self.ports.observer.on_event(LocEvent::RoundFinished { org, repositories });
    }
}

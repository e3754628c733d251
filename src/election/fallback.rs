//! A leader where nobody can be elected.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::role::{ElectionBasis, ElectionError, ElectionStatus, Elector};
use tokio::time::Instant;

/// Elects by `wanted` from the first time that answers. If it does not do so soon after the start, `instead` decides until it
/// does: a replica alone with a broken API is to work rather than to wait.
pub(super) struct FallbackElector {
    wanted: Box<dyn Elector>,
    instead: Box<dyn Elector>,
    patience: Duration,
    state: Mutex<State>,
}

struct State {
    started: Option<Instant>,
    /// Why `wanted` did not answer; `None` before the first attempt.
    silent: Option<String>,
    answered: bool,
    fell_back: bool,
}

impl FallbackElector {
    /// Falls back after `patience` without an answer.
    pub(super) fn new(wanted: Box<dyn Elector>, instead: Box<dyn Elector>, patience: Duration) -> Self {
        let state = State { started: None, silent: None, answered: false, fell_back: false };
        FallbackElector { wanted, instead, patience, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn falls_back(&self, error: &ElectionError) -> bool {
        let mut state = self.state();
        let started = *state.started.get_or_insert_with(Instant::now);
        state.silent = Some(error.0.clone());
        state.fell_back |= !state.answered && started.elapsed() >= self.patience;
        state.fell_back
    }
}

#[async_trait]
impl Elector for FallbackElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        self.state().started.get_or_insert_with(Instant::now);
        match self.wanted.attempt().await {
            Ok(standing) => {
                let mut state = self.state();
                (state.answered, state.fell_back) = (true, false);
                Ok(standing)
            }
            Err(error) if self.falls_back(&error) => self.instead.attempt().await,
            Err(error) => Err(error),
        }
    }

    async fn resign(&self) {
        if self.state().answered {
            self.wanted.resign().await;
        }
    }

    async fn changed(&self) {
        if self.state().answered {
            return self.wanted.changed().await;
        }
        std::future::pending().await
    }

    fn basis(&self) -> ElectionBasis {
        let state = self.state();
        let Some(silent) = state.silent.as_ref().filter(|_| state.fell_back) else {
            return self.wanted.basis();
        };
        let wanted = self.wanted.basis().backend;
        let reason = format!(
            "every replica leads for itself, because an election by {wanted} is not to be had: {silent}; set \
             leader_election.backend to follow instead"
        );
        ElectionBasis { reason, degraded: true, ..self.instead.basis() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use github_stats_actors::role::{Role, StaticElector};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    struct Wanted(Arc<AtomicBool>);

    #[async_trait]
    impl Elector for Wanted {
        async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
            match self.0.load(Ordering::Relaxed) {
                true => Ok(ElectionStatus::Follower { leader: Some("other".into()) }),
                false => Err(ElectionError("no route".into())),
            }
        }

        async fn resign(&self) {}

        fn basis(&self) -> ElectionBasis {
            "wanted".into()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_leads_alone_until_the_election_answers_and_never_again() {
        let answers = Arc::new(AtomicBool::new(false));
        let instead = StaticElector::new(Role::Leader, PATIENCE * 3, "");
        let elector = FallbackElector::new(Box::new(Wanted(answers.clone())), Box::new(instead), PATIENCE);
        elector.attempt().await.expect_err("a moment is no outage");
        assert_eq!(elector.basis(), "wanted".into());
        tokio::time::advance(PATIENCE).await;
        assert!(matches!(elector.attempt().await, Ok(ElectionStatus::Leader { .. })));
        let basis = elector.basis();
        assert!(
            basis.degraded && basis.backend == "static" && basis.reason.contains("no route"),
            "{basis:?}"
        );
        answers.store(true, Ordering::Relaxed);
        assert!(matches!(elector.attempt().await, Ok(ElectionStatus::Follower { .. })));
        assert_eq!(elector.basis(), "wanted".into());
        answers.store(false, Ordering::Relaxed);
        tokio::time::advance(PATIENCE * 10).await;
        elector.attempt().await.expect_err("others were elected by it: nobody leads for itself");
    }
}

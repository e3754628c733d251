//! Leading without election while the election backend is unavailable from the start.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::role::{ElectionBasis, ElectionError, ElectionStatus, Elector};
use tokio::time::Instant;

/// Delegates to `primary` once it has answered for the first time. If it has not answered within
/// `delay` after the start, `fallback` is used until it does, so that a single replica with a
/// broken API works instead of waiting.
pub(super) struct FallbackElector {
    primary: Box<dyn Elector>,
    fallback: Box<dyn Elector>,
    delay: Duration,
    state: Mutex<FallbackState>,
}

struct FallbackState {
    started: Option<Instant>,
    /// The last error of `primary`; `None` before the first one.
    last_error: Option<String>,
    /// Whether `primary` has ever answered; after that, `fallback` is not used any more.
    answered: bool,
    fell_back: bool,
}

impl FallbackElector {
    /// Falls back if `primary` has not answered after `delay`.
    pub(super) fn new(primary: Box<dyn Elector>, fallback: Box<dyn Elector>, delay: Duration) -> Self {
        let state = FallbackState { started: None, last_error: None, answered: false, fell_back: false };
        FallbackElector { primary, fallback, delay, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, FallbackState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn falls_back(&self, error: &ElectionError) -> bool {
        let mut state = self.state();
        let started = *state.started.get_or_insert_with(Instant::now);
        state.last_error = Some(error.0.clone());
        state.fell_back |= !state.answered && started.elapsed() >= self.delay;
        state.fell_back
    }
}

#[async_trait]
impl Elector for FallbackElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        self.state().started.get_or_insert_with(Instant::now);
        match self.primary.attempt().await {
            Ok(status) => {
                let mut state = self.state();
                (state.answered, state.fell_back) = (true, false);
                Ok(status)
            }
            Err(error) if self.falls_back(&error) => self.fallback.attempt().await,
            Err(error) => Err(error),
        }
    }

    async fn resign(&self) {
        if self.state().answered {
            self.primary.resign().await;
        }
    }

    async fn changed(&self) {
        if self.state().answered {
            return self.primary.changed().await;
        }
        std::future::pending().await
    }

    fn basis(&self) -> ElectionBasis {
        let state = self.state();
        let Some(error) = state.last_error.as_ref().filter(|_| state.fell_back) else {
            return self.primary.basis();
        };
        let primary = self.primary.basis().backend;
        let reason = format!(
            "this replica leads without an election, because the backend {primary} is unavailable: {error}; set \
             leader_election.backend to {primary} to follow instead"
        );
        ElectionBasis { reason, degraded: true, ..self.fallback.basis() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use github_stats_actors::role::{Role, StaticElector};

    use super::*;

    const DELAY: Duration = Duration::from_secs(5);

    /// Answers while the flag is set.
    struct SwitchableElector(Arc<AtomicBool>);

    #[async_trait]
    impl Elector for SwitchableElector {
        async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
            match self.0.load(Ordering::Relaxed) {
                true => Ok(ElectionStatus::Follower { leader: Some("other".into()) }),
                false => Err(ElectionError("no route".into())),
            }
        }

        async fn resign(&self) {}

        fn basis(&self) -> ElectionBasis {
            "primary".into()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_leads_without_election_only_until_the_backend_answers_for_the_first_time() {
        let answers = Arc::new(AtomicBool::new(false));
        let fallback = StaticElector::new(Role::Leader, DELAY * 3, "");
        let primary = SwitchableElector(answers.clone());
        let elector = FallbackElector::new(Box::new(primary), Box::new(fallback), DELAY);
        elector.attempt().await.expect_err("the delay has not passed");
        assert_eq!(elector.basis(), "primary".into());
        tokio::time::advance(DELAY).await;
        assert!(matches!(elector.attempt().await, Ok(ElectionStatus::Leader { .. })));
        let basis = elector.basis();
        assert!(
            basis.degraded && basis.backend == "static" && basis.reason.contains("no route"),
            "{basis:?}"
        );
        answers.store(true, Ordering::Relaxed);
        assert!(matches!(elector.attempt().await, Ok(ElectionStatus::Follower { .. })));
        assert_eq!(elector.basis(), "primary".into());
        answers.store(false, Ordering::Relaxed);
        tokio::time::advance(DELAY * 10).await;
        elector.attempt().await.expect_err("another replica may have been elected");
    }
}

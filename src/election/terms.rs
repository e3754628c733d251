//! Acquisitions, numbered.

use github_stats_actors::role::ElectionStatus;
use tokio::time::Instant;

/// What this replica holds, and the number of the acquisition.
#[derive(Debug, Default)]
pub(super) struct LeadershipTerms {
    until: Option<Instant>,
    term: u64,
}

impl LeadershipTerms {
    /// It acquired, or renewed, until then. Whoever lets a leadership run out begins a new one, even where the backend says
    /// that nobody else had it: somebody might have.
    pub(super) fn won(&mut self, until: Instant) -> ElectionStatus {
        if !self.holds() {
            self.term += 1;
        }
        self.until = Some(until);
        ElectionStatus::Leader { until, term: self.term }
    }

    /// It acquired what had been free, so that whatever it held before has ended.
    pub(super) fn won_anew(&mut self, until: Instant) -> ElectionStatus {
        self.lost();
        self.won(until)
    }

    /// Somebody else has it, or nobody.
    pub(super) fn lost(&mut self) {
        self.until = None;
    }

    /// Whether it leads now.
    pub(super) fn holds(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_term_lasts_as_long_as_it_is_renewed_in_time() {
        let lease = Duration::from_secs(10);
        let mut terms = LeadershipTerms::default();
        let term = |standing| match standing {
            ElectionStatus::Leader { term, .. } => term,
            ElectionStatus::Follower { .. } => unreachable!(),
        };
        assert_eq!(term(terms.won(Instant::now() + lease)), 1);
        tokio::time::advance(lease - Duration::from_millis(1)).await;
        assert_eq!(term(terms.won(Instant::now() + lease)), 1);
        tokio::time::advance(lease).await;
        assert_eq!(term(terms.won(Instant::now() + lease)), 2, "it had run out");
        assert_eq!(term(terms.won_anew(Instant::now() + lease)), 3);
        terms.lost();
        assert!(!terms.holds());
        assert_eq!(term(terms.won(Instant::now() + lease)), 4);
    }
}

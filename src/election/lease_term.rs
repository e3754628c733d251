//! The term of a leadership: its number and its deadline.

use github_stats_actors::role::ElectionStatus;
use tokio::time::Instant;

/// Until when this replica holds the lease, and the number of the acquisition.
#[derive(Debug, Default)]
pub(super) struct LeaseTerm {
    until: Option<Instant>,
    number: u64,
}

impl LeaseTerm {
    /// The lease was renewed. If it had expired before, a new term begins, because another replica
    /// might have held it in between.
    pub(super) fn renewed(&mut self, until: Instant) -> ElectionStatus {
        if !self.is_held() {
            self.number += 1;
        }
        self.until = Some(until);
        ElectionStatus::Leader { until, term: self.number }
    }

    /// The lease was free and has been acquired, so a new term begins.
    pub(super) fn acquired(&mut self, until: Instant) -> ElectionStatus {
        self.lost();
        self.renewed(until)
    }

    /// This replica does not hold the lease any more.
    pub(super) fn lost(&mut self) {
        self.until = None;
    }

    /// Whether the lease is held and has not expired.
    pub(super) fn is_held(&self) -> bool {
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
        let mut term = LeaseTerm::default();
        let number = |status| match status {
            ElectionStatus::Leader { term, .. } => term,
            ElectionStatus::Follower { .. } => unreachable!(),
        };
        assert_eq!(number(term.renewed(Instant::now() + lease)), 1);
        tokio::time::advance(lease - Duration::from_millis(1)).await;
        assert_eq!(number(term.renewed(Instant::now() + lease)), 1);
        tokio::time::advance(lease).await;
        assert_eq!(number(term.renewed(Instant::now() + lease)), 2, "it had expired");
        assert_eq!(number(term.acquired(Instant::now() + lease)), 3);
        term.lost();
        assert!(!term.is_held());
        assert_eq!(number(term.renewed(Instant::now() + lease)), 4);
    }
}

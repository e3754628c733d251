//! A role that was decided before the start.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{ElectionBasis, ElectionError, ElectionStatus, Elector, Role};

/// Always the same role. A leadership still has a deadline, so that a scheduler without a living role actor stops.
#[derive(Clone, Debug)]
pub struct StaticElector {
    role: Role,
    lease: Duration,
    reason: String,
}

impl StaticElector {
    /// Stands as `role`, for this reason; a leadership is good for `lease` after each attempt.
    pub fn new(role: Role, lease: Duration, reason: impl Into<String>) -> Self {
        StaticElector { role, lease, reason: reason.into() }
    }
}

#[async_trait]
impl Elector for StaticElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        Ok(match self.role {
            Role::Leader => ElectionStatus::Leader { until: Instant::now() + self.lease, term: 0 },
            Role::Follower => ElectionStatus::Follower { leader: None },
        })
    }

    async fn resign(&self) {}

    fn basis(&self) -> ElectionBasis {
        ElectionBasis { backend: "static", reason: self.reason.clone(), degraded: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_what_it_was_told_and_a_leadership_has_its_deadline() {
        let lease = Duration::from_secs(15);
        let leader = StaticElector::new(Role::Leader, lease, "a test");
        let until = Instant::now() + lease;
        assert_eq!(leader.attempt().await.expect("an answer"), ElectionStatus::Leader { until, term: 0 });
        let follower = StaticElector::new(Role::Follower, lease, "a test");
        assert_eq!(follower.attempt().await.expect("an answer"), ElectionStatus::Follower { leader: None });
    }
}

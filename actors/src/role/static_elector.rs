//! A role that is configured instead of elected.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{ElectionBasis, ElectionError, ElectionStatus, Elector, Role};

/// Always gives the same role. A leadership still has a deadline, so that scheduling stops when the
/// role actor does.
#[derive(Clone, Debug)]
pub struct StaticElector {
    role: Role,
    lease: Duration,
    reason: String,
}

impl StaticElector {
    /// Always gives `role`, for this reason; a leadership lasts `lease` after each attempt.
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
    async fn the_role_is_as_configured_and_a_leadership_has_a_deadline() {
        let lease = Duration::from_secs(15);
        let leader = StaticElector::new(Role::Leader, lease, "a test");
        let until = Instant::now() + lease;
        assert_eq!(leader.attempt().await.expect("an answer"), ElectionStatus::Leader { until, term: 0 });
        let follower = StaticElector::new(Role::Follower, lease, "a test");
        assert_eq!(follower.attempt().await.expect("an answer"), ElectionStatus::Follower { leader: None });
    }
}

//! A role that was decided before the start.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{ElectionError, Elector, Role, Standing};

/// Always the same role. A leadership still has a deadline, so that a scheduler without a living role actor stops.
#[derive(Clone, Copy, Debug)]
pub struct FixedElector {
    role: Role,
    lease: Duration,
}

impl FixedElector {
    /// Stands as `role`; a leadership is good for `lease` after each attempt.
    pub fn new(role: Role, lease: Duration) -> Self {
        FixedElector { role, lease }
    }
}

#[async_trait]
impl Elector for FixedElector {
    async fn attempt(&self) -> Result<Standing, ElectionError> {
        Ok(match self.role {
            Role::Leader => Standing::Leader { until: Instant::now() + self.lease },
            Role::Follower => Standing::Follower { leader: None },
        })
    }

    async fn resign(&self) {}

    fn describe(&self) -> &'static str {
        "static"
    }
}

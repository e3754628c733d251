//! How often is too often.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// At most `restarts` restarts within `period`; one more escalates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// How many restarts are tolerated within one period.
    pub restarts: u32,
    /// Length of the sliding period.
    pub period: Duration,
}

/// The restarts of one child that still count against its [`Intensity`]. Knows no clock.
#[derive(Debug, Clone)]
pub struct RestartWindow {
    intensity: Intensity,
    restarts: VecDeque<Instant>,
}

// === impl Intensity ===

impl Intensity {
    /// At most `restarts` restarts within `period`.
    pub const fn new(restarts: u32, period: Duration) -> Self {
        Self { restarts, period }
    }

    /// No restart at all: the first death escalates.
    pub const fn never() -> Self {
        Self::new(0, Duration::ZERO)
    }
}

impl Default for Intensity {
    /// 20 restarts in 10 seconds.
    fn default() -> Self {
        Self::new(20, Duration::from_secs(10))
    }
}

// === impl RestartWindow ===

impl RestartWindow {
    /// An empty window.
    pub fn new(intensity: Intensity) -> Self {
        Self { intensity, restarts: VecDeque::new() }
    }

    /// Records a restart at `now` and says whether it is still tolerated. A restart exactly one period old counts
    /// no longer. Instants must not go backwards.
    pub fn allows(&mut self, now: Instant) -> bool {
        while self.restarts.front().is_some_and(|&at| now.duration_since(at) >= self.intensity.period) {
            self.restarts.pop_front();
        }
        if self.restarts.len() >= self.intensity.restarts as usize {
            return false;
        }
        self.restarts.push_back(now);
        true
    }
}

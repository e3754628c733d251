//! How many restarts are tolerated.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// At most `restarts` restarts within `period`; one more makes the supervisor escalate.
///
/// Unlike in OTP, the intensity is counted per child, not per supervisor: a hundred workers that
/// fail once each are not a crash loop. Restarts that the strategy causes after the exit of a
/// sibling do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Intensity {
    /// How many restarts are tolerated within one period.
    pub restarts: u32,
    /// Length of the sliding period.
    pub period: Duration,
}

/// The restarts of one child that still count against its [`Intensity`]. Uses no clock.
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

    /// No restart at all: the first failure escalates.
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

    /// Records a restart at `now` and returns whether it is tolerated. A restart that is exactly
    /// one period old no longer counts. `now` must not go backwards.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn exactly_as_many_restarts_are_allowed_as_the_intensity_says() {
        let now = Instant::now();
        let mut window = RestartWindow::new(Intensity::new(3, SECOND));
        let allowed: Vec<_> = (0..5).map(|_| window.allows(now)).collect();
        assert_eq!(allowed, [true, true, true, false, false]);
    }

    #[test]
    fn a_restart_counts_until_it_is_one_period_old() {
        let now = Instant::now();
        let mut window = RestartWindow::new(Intensity::new(1, SECOND));
        assert!(window.allows(now));
        assert!(!window.allows(now + SECOND - Duration::from_nanos(1)));
        assert!(window.allows(now + SECOND));
    }

    #[test]
    fn an_intensity_of_zero_allows_nothing() {
        assert!(!RestartWindow::new(Intensity::never()).allows(Instant::now()));
        assert!(!RestartWindow::new(Intensity::new(0, SECOND)).allows(Instant::now()));
    }

    proptest! {
        #[test]
        fn no_period_contains_more_restarts_than_the_intensity(
            restarts in 0..6_u32,
            gaps in prop::collection::vec(0..400_u64, 0..60),
        ) {
            let mut window = RestartWindow::new(Intensity::new(restarts, SECOND));
            let mut now = Instant::now();
            let mut allowed: Vec<Instant> = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                let recent = allowed.iter().filter(|&&at| now.duration_since(at) < SECOND).count();
                prop_assert_eq!(window.allows(now), recent < restarts as usize);
                if recent < restarts as usize {
                    allowed.push(now);
                }
            }
        }
    }
}

//! How long to wait before a restart.

use std::time::Duration;

use tokio::time::Instant;

/// Exponential delays with jitter: the n-th restart in a row waits `base * 2^n`, at most `max`, of which a random
/// share of up to `jitter` is taken off. A child that ran for `quiet` before it died starts again at `base`.
///
/// With the default intensity the default delays add up to under 4 seconds over 20 restarts, so a child that dies
/// at once still exceeds 20 restarts in 10 seconds. Larger delays can hide a crash loop from the intensity for ever.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Delay of the first restart in a row.
    pub base: Duration,
    /// Upper bound of every delay.
    pub max: Duration,
    /// Largest share of a delay, between 0 and 1, that chance takes off.
    pub jitter: f64,
    /// How long a child must have run for its earlier deaths to be forgotten.
    pub quiet: Duration,
}

/// Where one child stands in its [`Backoff`]. Knows neither clock nor chance.
#[derive(Debug, Clone)]
pub struct BackoffState {
    backoff: Backoff,
    in_a_row: u32,
}

// === impl Backoff ===

impl Backoff {
    /// No delay at all.
    pub const fn none() -> Self {
        Self { base: Duration::ZERO, max: Duration::ZERO, jitter: 0.0, quiet: Duration::ZERO }
    }

    /// The delay before restart number `in_a_row` (from 0); `chance` is uniform in `0.0..1.0`.
    pub fn delay(&self, in_a_row: u32, chance: f64) -> Duration {
        let factor = 1_u32.checked_shl(in_a_row).unwrap_or(u32::MAX);
        let full = self.base.saturating_mul(factor).min(self.max);
        full.mul_f64(1.0 - self.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0))
    }
}

impl Default for Backoff {
    /// 5 ms doubling up to 250 ms, up to half of it taken off, forgotten after 10 quiet seconds.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(5),
            max: Duration::from_millis(250),
            jitter: 0.5,
            quiet: Duration::from_secs(10),
        }
    }
}

// === impl BackoffState ===

impl BackoffState {
    /// Nothing has died yet.
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, in_a_row: 0 }
    }

    /// The delay before the next restart of a child that died at `now` and had been ready since `ready_since`
    /// (`None` if it never became ready).
    pub fn next(&mut self, ready_since: Option<Instant>, now: Instant, chance: f64) -> Duration {
        if ready_since.is_some_and(|since| now.duration_since(since) >= self.backoff.quiet) {
            self.in_a_row = 0;
        }
        let delay = self.backoff.delay(self.in_a_row, chance);
        self.in_a_row = self.in_a_row.saturating_add(1);
        delay
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Intensity, RestartWindow};

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn delays_double_up_to_their_bound() {
        let backoff = Backoff { base: millis(10), max: millis(65), jitter: 0.0, quiet: millis(1000) };
        let delays = [0, 1, 2, 3, 31, 32, u32::MAX].map(|n| backoff.delay(n, 0.5).as_millis());
        assert_eq!(delays, [10, 20, 40, 65, 65, 65, 65]);
    }

    #[test]
    fn a_quiet_period_makes_earlier_deaths_forgotten() {
        let backoff = Backoff { base: millis(10), max: millis(100), jitter: 0.0, quiet: millis(1000) };
        let mut state = BackoffState::new(backoff);
        let born = Instant::now();
        assert_eq!(state.next(Some(born), born, 0.0), millis(10));
        assert_eq!(state.next(Some(born), born + millis(999), 0.0), millis(20));
        assert_eq!(state.next(None, born + millis(5000), 0.0), millis(40), "it was never ready");
        assert_eq!(state.next(Some(born), born + millis(1000), 0.0), millis(10));
    }

    #[test]
    fn the_default_delays_do_not_hide_a_crash_loop_from_the_default_intensity() {
        let mut state = BackoffState::new(Backoff::default());
        let mut window = RestartWindow::new(Intensity::default());
        let begun = Instant::now();
        let mut now = begun;
        while window.allows(now) {
            // No jitter: the slowest case.
            now += state.next(None, now, 0.0);
            assert!(now < begun + millis(10_000), "the crash loop was never noticed");
        }
        assert!(now < begun + millis(4_000));
    }

    proptest! {
        #[test]
        fn a_delay_stays_within_its_bound_and_its_jitter(
            base in 0..1000_u64,
            max in 0..10_000_u64,
            jitter in 0.0..=1.0_f64,
            in_a_row in 0..100_u32,
            chance in 0.0..1.0_f64,
        ) {
            let backoff = Backoff { base: millis(base), max: millis(max), jitter, quiet: Duration::ZERO };
            let full = Backoff { jitter: 0.0, ..backoff }.delay(in_a_row, chance);
            let delay = backoff.delay(in_a_row, chance);
            prop_assert!(delay <= full && full <= backoff.max);
            prop_assert!(delay.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
        }
    }
}

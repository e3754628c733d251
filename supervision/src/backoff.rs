//! How long to wait before a restart.

use std::time::Duration;

use tokio::time::Instant;

/// Exponential delays with jitter: the n-th consecutive restart (from 0) waits `base * 2^n`, at
/// most `max`, minus a random share of up to `jitter`. A child that was ready for `quiet` before it
/// exited starts again at `base`.
///
/// The default delays add up to under 4 seconds over 20 restarts, so a child that always fails at
/// once still exceeds the default [`Intensity`](super::Intensity) of 20 restarts in 10 seconds.
/// Larger delays can hide a crash loop from the intensity: if the tolerated restarts do not fit
/// into the period, the loop never ends.
///
/// ```
/// use std::time::Duration;
/// use actix_supervisor::Backoff;
///
/// let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
/// let delays = [0, 1, 2, 10].map(|n| backoff.delay(n, 0.0).as_millis());
/// assert_eq!(delays, [5, 10, 20, 250]);
/// assert_eq!(Backoff::none().delay(10, 0.0), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Delay of the first of several consecutive restarts.
    pub base: Duration,
    /// Upper bound of every delay.
    pub max: Duration,
    /// Largest random share, between 0 and 1, that is subtracted from a delay.
    pub jitter: f64,
    /// How long a child must have been ready for its earlier restarts to be forgotten.
    pub quiet: Duration,
}

/// The consecutive restarts of one child under its [`Backoff`]. Uses neither clock nor randomness.
#[derive(Debug, Clone)]
pub struct BackoffState {
    backoff: Backoff,
    consecutive: u32,
}

// === impl Backoff ===

impl Backoff {
    /// No delay at all.
    pub const fn none() -> Self {
        Self { base: Duration::ZERO, max: Duration::ZERO, jitter: 0.0, quiet: Duration::ZERO }
    }

    /// The delay before the `consecutive`-th restart (from 0); `random` is uniform in `0.0..1.0`.
    pub fn delay(&self, consecutive: u32, random: f64) -> Duration {
        let factor = 1_u32.checked_shl(consecutive).unwrap_or(u32::MAX);
        let full = self.base.saturating_mul(factor).min(self.max);
        full.mul_f64(1.0 - self.jitter.clamp(0.0, 1.0) * random.clamp(0.0, 1.0))
    }
}

impl Default for Backoff {
    /// 5 ms, doubling up to 250 ms, at most halved by jitter, reset after 10 s.
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
    /// No restart so far.
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, consecutive: 0 }
    }

    /// The delay before the next restart of a child that exited at `now` and had been ready since
    /// `ready_since` (`None` if it never became ready); `random` is uniform in `0.0..1.0`.
    pub fn next(&mut self, ready_since: Option<Instant>, now: Instant, random: f64) -> Duration {
        if ready_since.is_some_and(|since| now.duration_since(since) >= self.backoff.quiet) {
            self.consecutive = 0;
        }
        let delay = self.backoff.delay(self.consecutive, random);
        self.consecutive = self.consecutive.saturating_add(1);
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
    fn a_quiet_period_resets_the_delay() {
        let backoff = Backoff { base: millis(10), max: millis(100), jitter: 0.0, quiet: millis(1000) };
        let mut state = BackoffState::new(backoff);
        let started = Instant::now();
        assert_eq!(state.next(Some(started), started, 0.0), millis(10));
        assert_eq!(state.next(Some(started), started + millis(999), 0.0), millis(20));
        assert_eq!(state.next(None, started + millis(5000), 0.0), millis(40), "it was never ready");
        assert_eq!(state.next(Some(started), started + millis(1000), 0.0), millis(10));
    }

    #[test]
    fn the_default_delays_do_not_hide_a_crash_loop_from_the_default_intensity() {
        let mut state = BackoffState::new(Backoff::default());
        let mut window = RestartWindow::new(Intensity::default());
        let started = Instant::now();
        let mut now = started;
        while window.allows(now) {
            // No jitter: the slowest case.
            now += state.next(None, now, 0.0);
            assert!(now < started + millis(10_000), "the crash loop was never noticed");
        }
        assert!(now < started + millis(4_000));
    }

    proptest! {
        #[test]
        fn a_delay_stays_within_its_bound_and_its_jitter(
            base in 0..1000_u64,
            max in 0..10_000_u64,
            jitter in 0.0..=1.0_f64,
            consecutive in 0..100_u32,
            random in 0.0..1.0_f64,
        ) {
            let backoff = Backoff { base: millis(base), max: millis(max), jitter, quiet: Duration::ZERO };
            let full = Backoff { jitter: 0.0, ..backoff }.delay(consecutive, random);
            let delay = backoff.delay(consecutive, random);
            prop_assert!(delay <= full && full <= backoff.max);
            prop_assert!(delay.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
        }
    }
}

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

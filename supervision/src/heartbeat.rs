//! Signs of life.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When silence counts as death.
///
/// The mailbox of a child records a beat every `interval`, between two messages. An actor beats as long as its
/// handlers return and it does not `ctx.wait`; one that is silent for `interval * misses` is aborted and restarted.
/// Work that takes longer belongs into `ctx.spawn`, or needs a longer limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time between two beats; above zero.
    pub interval: Duration,
    /// How many beats may be missed.
    pub misses: u32,
}

/// The last beat of a child, shared with every reader; a single writer.
#[derive(Debug)]
pub(crate) struct Pulse {
    origin: Instant,
    last_us: AtomicU64,
}

/// A supervisor's watch over the pulse of one child. Knows no clock.
///
/// Silence beyond the limit only raises a suspicion, which is decided one interval later: a supervisor whose own
/// thread was blocked must let its neighbours beat before it judges them.
#[derive(Debug)]
pub(crate) struct Vigil {
    suspected: Option<(Instant, Instant)>,
    check_at: Option<Instant>,
}

/// What a [`Vigil`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It beats, or may still.
    Alive,
    /// It is given up.
    Dead {
        /// Milliseconds since the last beat.
        silent_ms: u64,
    },
}

// === impl Heartbeat ===

impl Heartbeat {
    /// A beat every `interval`, dead after `misses` missed ones.
    pub const fn new(interval: Duration, misses: u32) -> Self {
        Self { interval, misses }
    }

    /// The longest tolerated silence.
    pub fn limit(&self) -> Duration {
        self.interval.saturating_mul(self.misses.max(1))
    }
}

impl Default for Heartbeat {
    /// A beat every second, dead after 5 seconds of silence.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), 5)
    }
}

// === impl Pulse ===

impl Pulse {
    /// A pulse that beats now.
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), last_us: AtomicU64::new(0) }
    }

    /// Records a sign of life.
    pub(crate) fn beat(&self, now: Instant) {
        let us = now.saturating_duration_since(self.origin).as_micros();
        self.last_us.store(u64::try_from(us).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The last sign of life.
    pub(crate) fn last(&self) -> Instant {
        self.origin + Duration::from_micros(self.last_us.load(Ordering::Relaxed))
    }
}

// === impl Vigil ===

impl Vigil {
    /// A vigil without suspicion.
    pub(crate) fn new() -> Self {
        Self { suspected: None, check_at: None }
    }

    /// When to check again.
    pub(crate) fn check_at(&self) -> Option<Instant> {
        self.check_at
    }

    /// Judges a child whose last beat was at `last`.
    pub(crate) fn check(&mut self, heartbeat: &Heartbeat, last: Instant, now: Instant) -> Health {
        let due = last + heartbeat.limit();
        if now < due {
            self.suspected = None;
            self.check_at = Some(due);
            return Health::Alive;
        }
        match self.suspected {
            Some((suspect, since)) if suspect == last => {
                let verdict_at = since + heartbeat.interval;
                self.check_at = Some(verdict_at);
                if now < verdict_at {
                    return Health::Alive;
                }
                let silent = now.saturating_duration_since(last);
                Health::Dead { silent_ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX) }
            }
            _ => {
                self.suspected = Some((last, now));
                self.check_at = Some(now + heartbeat.interval);
                Health::Alive
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: Heartbeat = Heartbeat::new(Duration::from_millis(100), 3);

    fn at(origin: Instant, ms: u64) -> Instant {
        origin + Duration::from_millis(ms)
    }

    #[test]
    fn silence_within_the_limit_is_life() {
        let born = Instant::now();
        let mut vigil = Vigil::new();
        assert_eq!(vigil.check(&HEARTBEAT, born, at(born, 299)), Health::Alive);
        assert_eq!(vigil.check_at(), Some(at(born, 300)));
    }

    #[test]
    fn silence_beyond_the_limit_is_death_only_one_interval_after_it_was_noticed() {
        let born = Instant::now();
        let mut vigil = Vigil::new();
        assert_eq!(vigil.check(&HEARTBEAT, born, at(born, 300)), Health::Alive);
        assert_eq!(vigil.check(&HEARTBEAT, born, at(born, 399)), Health::Alive);
        assert_eq!(vigil.check_at(), Some(at(born, 400)));
        assert_eq!(vigil.check(&HEARTBEAT, born, at(born, 400)), Health::Dead { silent_ms: 400 });
    }

    #[test]
    fn a_supervisor_that_was_blocked_itself_lets_its_neighbours_beat_first() {
        let born = Instant::now();
        let mut vigil = Vigil::new();
        assert_eq!(vigil.check(&HEARTBEAT, born, at(born, 60_000)), Health::Alive);
        assert_eq!(vigil.check(&HEARTBEAT, at(born, 60_001), at(born, 60_100)), Health::Alive);
        assert_eq!(vigil.check_at(), Some(at(born, 60_301)));
    }

    #[test]
    fn a_beat_under_suspicion_starts_a_new_one() {
        let born = Instant::now();
        let mut vigil = Vigil::new();
        assert_eq!(vigil.check(&HEARTBEAT, born, at(born, 300)), Health::Alive);
        assert_eq!(vigil.check(&HEARTBEAT, at(born, 50), at(born, 400)), Health::Alive);
        assert_eq!(vigil.check_at(), Some(at(born, 500)));
    }
}

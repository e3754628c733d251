//! Detection of hung actors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When a silent child counts as hung.
///
/// The mailbox of a child records a heartbeat every `interval`, between two messages. An actor
/// keeps beating as long as its handlers return and it does not `ctx.wait`. One that is silent for
/// `interval * misses` gets one more interval, so that a supervisor whose own thread was blocked
/// does not abort healthy children, and is then aborted and restarted. This detects an actor that
/// is stuck in `ctx.wait` as well as one that blocks a thread of its own.
///
/// Work that takes longer belongs in `ctx.spawn`, or needs a longer limit, or
/// [`ChildSpec::no_heartbeat`](super::ChildSpec::no_heartbeat).
///
/// ```
/// use std::time::Duration;
/// use actix_supervisor::Heartbeat;
///
/// let heartbeat = Heartbeat::new(Duration::from_millis(200), 3);
/// assert_eq!(heartbeat.limit(), Duration::from_millis(600));
/// assert_eq!(Heartbeat::default().limit(), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// Time between two heartbeats; above zero.
    pub interval: Duration,
    /// How many heartbeats may be missed.
    pub misses: u32,
}

/// The time of the last heartbeat of a child: one writer, any number of readers.
#[derive(Debug)]
pub(crate) struct LastHeartbeat {
    origin: Instant,
    micros: AtomicU64,
}

/// Decides whether one child hangs. Uses no clock.
///
/// Silence beyond the limit only raises a suspicion, which is confirmed or dropped one interval
/// later: if the thread of the supervisor itself was blocked, its children get the chance to beat
/// first.
#[derive(Debug)]
pub(crate) struct HeartbeatMonitor {
    suspicion: Option<Suspicion>,
    check_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Suspicion {
    last_heartbeat: Instant,
    since: Instant,
}

/// The decision of a [`HeartbeatMonitor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeartbeatVerdict {
    /// It beats, or still has time to.
    Alive,
    /// It is to be aborted.
    Hung {
        /// Milliseconds since the last heartbeat.
        silent_ms: u64,
    },
}

// === impl Heartbeat ===

impl Heartbeat {
    /// A heartbeat every `interval`; hung after `misses` missed ones.
    pub const fn new(interval: Duration, misses: u32) -> Self {
        Self { interval, misses }
    }

    /// The longest tolerated silence.
    pub fn limit(&self) -> Duration {
        self.interval.saturating_mul(self.misses.max(1))
    }
}

impl Default for Heartbeat {
    /// A heartbeat every second; hung after 5 seconds of silence.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), 5)
    }
}

// === impl LastHeartbeat ===

impl LastHeartbeat {
    /// A heartbeat at the time of the call.
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), micros: AtomicU64::new(0) }
    }

    pub(crate) fn record(&self, now: Instant) {
        let micros = now.saturating_duration_since(self.origin).as_micros();
        self.micros.store(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Instant {
        self.origin + Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

// === impl HeartbeatMonitor ===

impl HeartbeatMonitor {
    pub(crate) fn new() -> Self {
        Self { suspicion: None, check_at: None }
    }

    /// When to check again.
    pub(crate) fn check_at(&self) -> Option<Instant> {
        self.check_at
    }

    /// Checks a child whose last heartbeat was at `last`.
    pub(crate) fn check(&mut self, heartbeat: &Heartbeat, last: Instant, now: Instant) -> HeartbeatVerdict {
        let due = last + heartbeat.limit();
        if now < due {
            self.suspicion = None;
            self.check_at = Some(due);
            return HeartbeatVerdict::Alive;
        }
        match self.suspicion {
            Some(suspicion) if suspicion.last_heartbeat == last => {
                let decide_at = suspicion.since + heartbeat.interval;
                self.check_at = Some(decide_at);
                if now < decide_at {
                    return HeartbeatVerdict::Alive;
                }
                let silent = now.saturating_duration_since(last);
                HeartbeatVerdict::Hung { silent_ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX) }
            }
            _ => {
                self.suspicion = Some(Suspicion { last_heartbeat: last, since: now });
                self.check_at = Some(now + heartbeat.interval);
                HeartbeatVerdict::Alive
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
    fn silence_within_the_limit_is_tolerated() {
        let started = Instant::now();
        let mut monitor = HeartbeatMonitor::new();
        assert_eq!(monitor.check(&HEARTBEAT, started, at(started, 299)), HeartbeatVerdict::Alive);
        assert_eq!(monitor.check_at(), Some(at(started, 300)));
    }

    #[test]
    fn silence_beyond_the_limit_is_a_hang_only_one_interval_after_it_was_noticed() {
        let started = Instant::now();
        let mut monitor = HeartbeatMonitor::new();
        assert_eq!(monitor.check(&HEARTBEAT, started, at(started, 300)), HeartbeatVerdict::Alive);
        assert_eq!(monitor.check(&HEARTBEAT, started, at(started, 399)), HeartbeatVerdict::Alive);
        assert_eq!(monitor.check_at(), Some(at(started, 400)));
        assert_eq!(
            monitor.check(&HEARTBEAT, started, at(started, 400)),
            HeartbeatVerdict::Hung { silent_ms: 400 }
        );
    }

    #[test]
    fn a_supervisor_that_was_blocked_itself_lets_its_children_beat_first() {
        let started = Instant::now();
        let mut monitor = HeartbeatMonitor::new();
        assert_eq!(monitor.check(&HEARTBEAT, started, at(started, 60_000)), HeartbeatVerdict::Alive);
        assert_eq!(
            monitor.check(&HEARTBEAT, at(started, 60_001), at(started, 60_100)),
            HeartbeatVerdict::Alive
        );
        assert_eq!(monitor.check_at(), Some(at(started, 60_301)));
    }

    #[test]
    fn a_heartbeat_under_suspicion_starts_a_new_suspicion() {
        let started = Instant::now();
        let mut monitor = HeartbeatMonitor::new();
        assert_eq!(monitor.check(&HEARTBEAT, started, at(started, 300)), HeartbeatVerdict::Alive);
        assert_eq!(monitor.check(&HEARTBEAT, at(started, 50), at(started, 400)), HeartbeatVerdict::Alive);
        assert_eq!(monitor.check_at(), Some(at(started, 500)));
    }
}

//! GitHub's time, the only clock that facts, windows and gauges use.
//!
//! Adapters correct the [`Clock`] with the `Date` headers of GitHub's responses, the fleet with the
//! clocks of other replicas; everything else reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use tokio::time::Instant;

use crate::activity::Timestamp;

/// Local time corrected by the `Date` headers of GitHub's responses, so that a machine with a wrong
/// clock cannot cover the future.
///
/// Between corrections it follows the monotonic clock, which cannot be set, and which tests can
/// pause.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    origin_ms: i64,
    correction_ms: AtomicI64,
    /// The `Date` of the latest response that the correction is based on.
    response_date: AtomicI64,
}

/// Before the first response: earlier than any date.
const NO_RESPONSE: i64 = i64::MIN;

impl Clock {
    /// A clock that starts at the machine's wall clock.
    pub fn system() -> Arc<Self> {
        Self::starting_at_ms(system_unix_ms())
    }

    /// A clock that starts at `start`, for tests and simulations.
    pub fn starting_at(start: Timestamp) -> Arc<Self> {
        Self::starting_at_ms(start.as_unix() * 1000)
    }

    fn starting_at_ms(origin_ms: i64) -> Arc<Self> {
        Arc::new(Clock {
            origin: Instant::now(),
            origin_ms,
            correction_ms: AtomicI64::new(0),
            response_date: AtomicI64::new(NO_RESPONSE),
        })
    }

    /// GitHub's time now, as far as it is known.
    pub fn now(&self) -> Timestamp {
        let ms = self.local_ms(Instant::now()) + self.correction_ms.load(Ordering::Acquire);
        Timestamp::from_unix(ms.div_euclid(1000))
    }

    /// The `Date` of the latest response that this clock is based on, on any replica; `None` before
    /// the first one.
    pub fn latest_response(&self) -> Option<Timestamp> {
        let date = self.response_date.load(Ordering::Acquire);
        (date != NO_RESPONSE).then(|| Timestamp::from_unix(date))
    }

    /// How far GitHub's clock is ahead of this machine's, in milliseconds; 0 before the first
    /// response.
    pub fn correction_ms(&self) -> i64 {
        self.correction_ms.load(Ordering::Acquire)
    }

    /// Corrects the clock by the `Date` of a response whose request was sent at `asked`, and which
    /// arrived at `answered`.
    ///
    /// The header was written in between and has whole seconds, which bounds the true correction
    /// from both sides. The present one is moved only as far as these bounds demand, so that
    /// responses in quick succession do not make the time jitter.
    pub fn observe(&self, date: Timestamp, asked: Instant, answered: Instant) {
        self.correct(date, date, asked, answered);
    }

    /// Corrects the clock by that of another replica, which read `time` at some instant between
    /// these and is based on a response of the date `response`.
    ///
    /// A clock that is based on an older response than this one is ignored: otherwise clocks that
    /// stopped together, as on a machine that was suspended, would confirm each other for ever.
    pub fn sync_with_peer(&self, time: Timestamp, response: Timestamp, asked: Instant, answered: Instant) {
        if response.as_unix() >= self.response_date.load(Ordering::Acquire) {
            self.correct(time, response, asked, answered);
        }
    }

    fn correct(&self, time: Timestamp, response: Timestamp, asked: Instant, answered: Instant) {
        let time_ms = time.as_unix().saturating_mul(1000);
        let least = time_ms - self.local_ms(answered);
        let most = time_ms + 999 - self.local_ms(asked);
        if least <= most {
            let clamped = self.correction_ms.load(Ordering::Acquire).clamp(least, most);
            self.correction_ms.store(clamped, Ordering::Release);
            self.response_date.fetch_max(response.as_unix(), Ordering::AcqRel);
        }
    }

    fn local_ms(&self, at: Instant) -> i64 {
        let since =
            i64::try_from(at.saturating_duration_since(self.origin).as_millis()).unwrap_or(i64::MAX / 4);
        self.origin_ms + since
    }
}

/// The machine's wall clock in milliseconds since the Unix epoch. Only for times that must be
/// comparable after a restart and do not concern facts, such as the expiry of entries in a local
/// file; everything else uses a [`Clock`].
#[allow(clippy::disallowed_methods)]
pub fn system_unix_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_machine_with_a_wrong_clock_follows_github() {
        let clock = Clock::starting_at(Timestamp::from_unix(1_000));
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(200)).await;
        clock.observe(Timestamp::from_unix(5_000), asked, Instant::now());
        assert_eq!(clock.now(), Timestamp::from_unix(5_000));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(clock.now(), Timestamp::from_unix(5_060));
    }

    #[tokio::test(start_paused = true)]
    async fn responses_that_agree_within_their_resolution_do_not_move_the_clock() {
        let clock = Clock::starting_at(Timestamp::from_unix(1_000));
        clock.observe(Timestamp::from_unix(2_000), Instant::now(), Instant::now());
        let correction = clock.correction_ms();
        for _ in 0..20 {
            tokio::time::advance(Duration::from_millis(137)).await;
            clock.observe(clock.now(), Instant::now(), Instant::now());
        }
        assert_eq!(clock.correction_ms(), correction);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_runs_ahead_steps_back() {
        let clock = Clock::starting_at(Timestamp::from_unix(9_000));
        clock.observe(Timestamp::from_unix(4_000), Instant::now(), Instant::now());
        assert_eq!(clock.now(), Timestamp::from_unix(4_000));
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_that_stopped_together_follow_the_one_with_the_latest_response() {
        let clocks = [(); 3].map(|()| Clock::starting_at(Timestamp::from_unix(1_000)));
        let [asking, one, other] = &clocks;
        let sync = |from: &Clock, to: &Clock| {
            let response = from.latest_response().expect("it knows the time");
            to.sync_with_peer(from.now(), response, Instant::now(), Instant::now());
        };
        asking.observe(Timestamp::from_unix(2_000), Instant::now(), Instant::now());
        sync(asking, one);
        sync(one, other);
        assert_eq!(other.now(), Timestamp::from_unix(2_000));
        asking.observe(Timestamp::from_unix(9_000), Instant::now(), Instant::now());
        for (from, to) in [(one, asking), (asking, one), (other, one), (asking, other), (one, other)] {
            sync(from, to);
        }
        assert_eq!(clocks.map(|clock| clock.now()), [Timestamp::from_unix(9_000); 3]);
    }
}

//! GitHub's time: the only clock facts, windows and gauges go by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use tokio::time::Instant;

use crate::activity::Timestamp;

/// Local time corrected by the `Date` headers of GitHub's answers, so that a skewed machine cannot cover the future.
///
/// Between corrections it follows the monotonic clock, which tests can pause and nobody can set.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    origin_ms: i64,
    correction_ms: AtomicI64,
    /// GitHub's time in the latest answer that the correction comes from.
    answer: AtomicI64,
}

/// Before the first answer: older than any.
const NO_ANSWER: i64 = i64::MIN;

impl Clock {
    /// A clock that starts at the machine's idea of the time.
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
            answer: AtomicI64::new(NO_ANSWER),
        })
    }

    /// GitHub's time now, as well as it is known.
    pub fn now(&self) -> Timestamp {
        let ms = self.local_ms(Instant::now()) + self.correction_ms.load(Ordering::Acquire);
        Timestamp::from_unix(ms.div_euclid(1000))
    }

    /// GitHub's time in the latest answer that this clock goes by, whoever got it; `None` before the first.
    pub fn latest_answer(&self) -> Option<Timestamp> {
        let answer = self.answer.load(Ordering::Acquire);
        (answer != NO_ANSWER).then(|| Timestamp::from_unix(answer))
    }

    /// How far GitHub's clock is ahead of this machine's, in milliseconds; 0 before the first answer.
    pub fn correction_ms(&self) -> i64 {
        self.correction_ms.load(Ordering::Acquire)
    }

    /// Learns from the `Date` of an answer that was asked for and received at these instants.
    ///
    /// The header was written in between and has whole seconds, which bounds the true correction from both sides; the
    /// present one is moved only as far as those bounds demand, so that answers in quick succession do not make time jitter.
    pub fn observe(&self, date: Timestamp, asked: Instant, answered: Instant) {
        self.correct(date, date, asked, answered);
    }

    /// Learns from another clock that showed `time`, at some instant between these, and goes by `answer`.
    ///
    /// One that goes by an older answer than this clock is not believed: clocks that stood still together, as on a machine
    /// that was suspended, would confirm each other for ever, whatever GitHub tells one of them.
    pub fn hear(&self, time: Timestamp, answer: Timestamp, asked: Instant, answered: Instant) {
        if answer.as_unix() >= self.answer.load(Ordering::Acquire) {
            self.correct(time, answer, asked, answered);
        }
    }

    fn correct(&self, time: Timestamp, answer: Timestamp, asked: Instant, answered: Instant) {
        let time_ms = time.as_unix().saturating_mul(1000);
        let least = time_ms - self.local_ms(answered);
        let most = time_ms + 999 - self.local_ms(asked);
        if least <= most {
            let clamped = self.correction_ms.load(Ordering::Acquire).clamp(least, most);
            self.correction_ms.store(clamped, Ordering::Release);
            self.answer.fetch_max(answer.as_unix(), Ordering::AcqRel);
        }
    }

    fn local_ms(&self, at: Instant) -> i64 {
        let since =
            i64::try_from(at.saturating_duration_since(self.origin).as_millis()).unwrap_or(i64::MAX / 4);
        self.origin_ms + since
    }
}

/// The machine's wall clock in milliseconds since the Unix epoch. For what must be comparable after a restart and is no
/// fact: when entries of a local file expire. Everything else asks a [`Clock`].
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
    async fn a_skewed_machine_follows_github() {
        let clock = Clock::starting_at(Timestamp::from_unix(1_000));
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(200)).await;
        clock.observe(Timestamp::from_unix(5_000), asked, Instant::now());
        assert_eq!(clock.now(), Timestamp::from_unix(5_000));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(clock.now(), Timestamp::from_unix(5_060));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_agree_within_their_resolution_do_not_move_time() {
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
    async fn clocks_that_stood_still_together_believe_the_one_that_asked_github_since() {
        let clocks = [(); 3].map(|()| Clock::starting_at(Timestamp::from_unix(1_000)));
        let [asking, one, other] = &clocks;
        let tell = |from: &Clock, to: &Clock| {
            let answer = from.latest_answer().expect("it knows the time");
            to.hear(from.now(), answer, Instant::now(), Instant::now());
        };
        asking.observe(Timestamp::from_unix(2_000), Instant::now(), Instant::now());
        tell(asking, one);
        tell(one, other);
        assert_eq!(other.now(), Timestamp::from_unix(2_000));
        asking.observe(Timestamp::from_unix(9_000), Instant::now(), Instant::now());
        for (from, to) in [(one, asking), (asking, one), (other, one), (asking, other), (one, other)] {
            tell(from, to);
        }
        assert_eq!(clocks.map(|clock| clock.now()), [Timestamp::from_unix(9_000); 3]);
    }
}

//! The simulator's clock: GitHub's time, which tests may advance or freeze.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that runs in real time from the time it was set to, unless it is frozen.
#[derive(Debug)]
pub(crate) struct Clock(Mutex<ClockMode>);

#[derive(Debug, Clone, Copy)]
enum ClockMode {
    /// The machine's time plus this offset.
    Running(SignedDuration),
    Frozen(Timestamp),
}

impl Clock {
    /// A clock that starts at `start` now.
    pub(crate) fn starting(start: Timestamp, frozen: bool) -> Self {
        Self(Mutex::new(if frozen {
            ClockMode::Frozen(start)
        } else {
            ClockMode::Running(wall().duration_until(start))
        }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.with(|mode| mode.now())
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.with(|mode| match mode {
            ClockMode::Running(offset) => *offset = offset.saturating_add(by),
            ClockMode::Frozen(at) => *at = at.saturating_add(by).unwrap_or(Timestamp::MAX),
        });
    }

    pub(crate) fn freeze(&self) {
        self.with(|mode| *mode = ClockMode::Frozen(mode.now()));
    }

    fn with<T>(&self, f: impl FnOnce(&mut ClockMode) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClockMode {
    fn now(&self) -> Timestamp {
        match self {
            Self::Running(offset) => wall().saturating_add(*offset).unwrap_or(Timestamp::MAX),
            Self::Frozen(at) => *at,
        }
    }
}

/// The machine's time. Nothing else in this crate reads it.
#[allow(clippy::disallowed_methods)]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

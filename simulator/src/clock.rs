//! The simulator's clock: GitHub's time, which tests may move or stop.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that runs in real time from where it was set, unless frozen.
#[derive(Debug)]
pub(crate) struct Clock(Mutex<Pace>);

#[derive(Debug, Clone, Copy)]
enum Pace {
    /// Shows the machine's time plus this offset.
    Running(SignedDuration),
    Frozen(Timestamp),
}

impl Clock {
    /// A clock that shows `start` now.
    pub(crate) fn starting(start: Timestamp, frozen: bool) -> Self {
        Self(Mutex::new(if frozen {
            Pace::Frozen(start)
        } else {
            Pace::Running(wall().duration_until(start))
        }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.with(|pace| pace.reading())
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.with(|pace| match pace {
            Pace::Running(offset) => *offset = offset.saturating_add(by),
            Pace::Frozen(at) => *at = at.saturating_add(by).unwrap_or(Timestamp::MAX),
        });
    }

    pub(crate) fn freeze(&self) {
        self.with(|pace| *pace = Pace::Frozen(pace.reading()));
    }

    fn with<T>(&self, f: impl FnOnce(&mut Pace) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pace {
    fn reading(&self) -> Timestamp {
        match self {
            Self::Running(offset) => wall().saturating_add(*offset).unwrap_or(Timestamp::MAX),
            Self::Frozen(at) => *at,
        }
    }
}

/// The machine's time: the one place of this crate that reads it.
#[allow(clippy::disallowed_methods)]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

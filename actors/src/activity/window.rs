//! A half-open interval of time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The half-open interval `[from, to)`; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    from: Timestamp,
    to: Timestamp,
}

impl Window {
    /// The interval `[from, to)`; `None` if it is empty.
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (from < to).then_some(Window { from, to })
    }

    /// The first instant inside.
    pub fn from(self) -> Timestamp {
        self.from
    }

    /// The first instant after it.
    pub fn to(self) -> Timestamp {
        self.to
    }

    /// Its length in seconds; at least 1.
    pub fn seconds(self) -> i64 {
        self.to.seconds_since(self.from)
    }

    /// Whether `at` lies inside.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// The part that both intervals share.
    pub fn intersection(self, other: Window) -> Option<Window> {
        Window::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// The smallest window with edges at multiples of `grid` seconds that contains this one.
    pub fn coalesced(self, grid: i64) -> Window {
        let grid = grid.max(1);
        let down = |t: Timestamp| t.as_unix().div_euclid(grid) * grid;
        let to = down(self.to - 1) + grid;
        Window { from: Timestamp::from_unix(down(self.from)), to: Timestamp::from_unix(to) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}

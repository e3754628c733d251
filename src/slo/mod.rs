//! Whether the service does what it promises, as far as one replica can tell: objectives, and the counts they are judged by.

mod history;
mod judge;
mod objective;
mod reading;

pub use history::{CountHistory, CountedPeriod};
pub use judge::{SloInputs, judge};
pub use objective::{Objective, SloReport, SloVerdict};
pub use reading::{CounterReading, Cycles, Pages};

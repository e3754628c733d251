//! Service level objectives, and the counts they are judged by, as far as one replica knows them.

mod counter_snapshot;
mod history;
mod judge;
mod objective;

pub use counter_snapshot::{CounterSnapshot, CycleCounts, ResponseCounts};
pub use history::{CountHistory, CountedPeriod};
pub use judge::{SloInputs, judge, report};
pub use objective::{Objective, SloReport, SloVerdict};

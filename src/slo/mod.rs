//! Whether the service does what it promises, as far as one replica can tell: objectives, and the counts they are judged by.

mod history;
mod judge;
mod objective;
mod reading;

pub use history::{Counted, History};
pub use judge::{Facts, judge};
pub use objective::{Objective, SloReport, Verdict};
pub use reading::{Cycles, Pages, Reading};

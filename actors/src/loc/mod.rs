//! Lines of code of commits, for sources that do not include them in what they collect: from
//! GitHub's weekly statistics, and from single commits where these give none.
//!
//! A scraper runs a [`LocCollector`] after each successful cycle. [`LocSourceMode`],
//! [`attribute_statistics`] and [`sample`] are its rules, without a clock or I/O; what it finds is
//! written to the store as a later observation of the commits.

mod attribution;
mod hour_budget;
mod loc_collector;
mod loc_event;
mod loc_state;
mod mode;
mod ports;
mod repository_loc;
mod repository_round;
mod sample;
mod settings;

pub use attribution::{Attribution, CommitLoc, are_zeroed, attribute_statistics};
pub use hour_budget::HourBudget;
pub use loc_collector::LocCollector;
pub use loc_event::{LocEvent, LocSource};
pub use mode::{LocSourceMode, StatisticsOutcome};
pub use ports::LocPorts;
pub use sample::{CommitSample, sample};
pub use settings::LocSettings;

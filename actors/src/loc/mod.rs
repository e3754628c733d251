//! Lines of commits, where collecting does not tell them: GitHub's weekly statistics, and single commits where these
//! give none.
//!
//! [`LocSourceMode`], [`share_out`] and [`sample`] are rules without a clock; [`LocCollector`] is the thin shell around them.

mod hour_budget;
mod loc_collector;
mod mode;
mod sample;
mod settings;
mod weekly;

pub use hour_budget::HourBudget;
pub use loc_collector::{LocCollector, LocSource};
pub use mode::{LocSourceMode, StatisticsOutcome};
pub use sample::{CommitSample, sample};
pub use settings::LocSettings;
pub use weekly::{AuthorWeek, CommitLoc, ContributorShares, are_zeroed, share_out};

//! Lines of commits, where collecting does not tell them: GitHub's weekly statistics, and single commits where these
//! give none.
//!
//! [`Mode`], [`share_out`] and [`sample`] are rules without a clock; [`Desk`] is the thin shell around them.

mod desk;
mod hour_budget;
mod mode;
mod sample;
mod settings;
mod weekly;

pub use desk::{Desk, LinesView};
pub use hour_budget::HourBudget;
pub use mode::{Heard, Mode};
pub use sample::{Sample, sample};
pub use settings::LinesSettings;
pub use weekly::{AuthorWeek, CommitLines, Shares, are_zeroed, share_out};

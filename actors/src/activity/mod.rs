//! Facts, coverage and series: pure values and the set algebra between them.
//!
//! All numbers are derived from two sets: the *records* of what happened and the *coverage*, the
//! time that is completely collected. Both grow by union only, which is commutative, associative
//! and idempotent, so retries, duplicates, replays and merges after a partition all converge on the
//! same numbers. Every other module of the crate uses these types; they use none of the others.

mod batch;
mod coverage;
mod fact;
mod fact_counts;
mod loc_change;
mod names;
mod record;
mod repo_state;
mod repository;
mod series;
mod series_budget;
mod snapshot;
mod timestamp;
mod view;
mod week;
mod window;

pub use batch::{Batch, FoldedBase};
pub use coverage::Coverage;
pub use fact::{Fact, FactId, FactKind, Oid, ParseFactIdError};
pub use fact_counts::FactCounts;
pub use loc_change::LocChange;
pub use names::{Login, OrgName, RepoId, RepoKey, RepoName};
pub use record::{Credit, Observation, Record};
pub use repo_state::RepoState;
pub use repository::{HeadRead, RepoMeta};
pub use series::{ActivityGauges, ActivitySettings, derive_gauges};
pub use snapshot::{RowKey, SeriesBlock, SeriesRow, SeriesSnapshot};
pub use timestamp::{DAY, HOUR, MINUTE, Timestamp, WEEK};
pub use view::SeriesView;
pub use week::last_complete_week;
pub use window::Window;

//! Facts, coverage and series: pure values and the set algebra between them.
//!
//! Everything the product shows is derived from two sets: the *records* of what happened and the *coverage* of what
//! was looked at. Both only ever grow by union, which is commutative, associative and idempotent; retries,
//! duplicates, replays and merges after a split therefore all converge on the same numbers.

mod batch;
mod coverage;
mod fact;
mod fact_counts;
mod names;
mod record;
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
pub use names::{Login, OrgName, RepoId, RepoKey, RepoName};
pub use record::{Credit, LocChange, Observation, Record};
pub use repository::{HeadRead, RepoMeta, RepoState};
pub use series::{ActivitySettings, Gauges, derive_gauges};
pub use snapshot::{RowKey, SeriesBlock, SeriesRow, SeriesSnapshot};
pub use timestamp::{DAY, HOUR, MINUTE, Timestamp, WEEK};
pub use view::SeriesView;
pub use week::last_complete_week;
pub use window::Window;

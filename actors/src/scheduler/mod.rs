//! The reconciler: what should be covered minus what is covered is the work.

mod backfill;
mod collector;
mod cooldown;
mod org_scraper;
mod planning;
mod scheduler_actor;
#[cfg(feature = "testing")]
mod scripted;
mod source;

pub use backfill::BackfillHandler;
pub use collector::{CollectError, Collector, CollectorSettings};
pub use cooldown::{Cooldown, CooldownSettings, Due, OrgState, Outcome};
pub use org_scraper::{CycleReport, CycleResult, OrgScraper, RunCycle, ScraperSettings};
pub use planning::{Completeness, HistorySettings, completeness, due_from, holes, live_since};
pub use scheduler_actor::{OrgStatus, OrganisationPlan, SchedulerActor, SchedulerSettings, SchedulerState};
#[cfg(feature = "testing")]
pub use scripted::ScriptedSource;
pub use source::{
    ActivitySource, CollectFailure, CollectRequest, Collection, CommitsRead, ListedRepository, Listing,
    SourceError, SourceErrorKind,
};

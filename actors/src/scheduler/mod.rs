//! The reconciler: what should be covered minus what is covered is the work.

mod backfill;
mod changes;
mod collector;
mod cooldown;
mod cooldowns;
mod cycle;
mod org_scraper;
mod planning;
mod roster;
mod scheduler_actor;
#[cfg(feature = "testing")]
mod scripted;
mod source;

pub use backfill::BackfillHandler;
pub use changes::{Changes, ChangesRequest, KnownRepository, Reconcile, RepositoryChanges};
pub use collector::{CollectError, Collector, CollectorSettings};
pub use cooldown::{Cooldown, CooldownSettings, CycleOutcome, DueAction, OrgState};
pub use cooldowns::Cooldowns;
pub use cycle::{CycleReport, CycleResult};
pub use org_scraper::{OrgScraper, RunCycle, ScraperSettings};
pub use planning::{Completeness, HistorySettings, completeness, due_from, holes, live_since, together};
pub use scheduler_actor::{OrgStatus, OrganisationPlan, SchedulerActor, SchedulerSettings, SchedulerState};
#[cfg(feature = "testing")]
pub use scripted::ScriptedSource;
pub use source::{
    ActivitySource, CollectFailure, CollectRequest, Collection, CollectionResults, CommitsRead,
    ListedRepository, Listing, RequestPriority, SourceError, SourceErrorKind, Statistics,
};

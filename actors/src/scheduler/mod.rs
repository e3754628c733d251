//! The reconciler: whatever should be covered and is not covered is the work to do.
//!
//! The [`SchedulerActor`] starts the cycles of each organisation while this replica has the
//! authority to, unless the organisation is in cooldown or paused. An [`OrgScraper`] runs a
//! [`ScrapeCycle`], which collects through a [`Collector`] and enqueues jobs for what is missing.
//! The [`BackfillHandler`] does the work of these jobs for the workers of the queue.

mod backfill;
mod collector;
mod cooldown;
mod cooldowns;
mod cycle_report;
mod fence;
mod garbage_collector;
mod org_scraper;
mod org_status;
mod planning;
mod roster;
mod scheduler_actor;
mod scheduler_event;
mod scrape_cycle;

pub use backfill::BackfillHandler;
pub use collector::Collector;
pub use cooldown::{Cooldown, CooldownSettings, CycleOutcome, DueAction, OrgState};
pub use cooldowns::Cooldowns;
pub use cycle_report::{CycleReport, CycleResult};
pub use org_scraper::{OrgScraper, RunCycle};
pub use org_status::{OrgStatus, SchedulerState};
pub use planning::{
    Completeness, HistorySettings, PollGroup, completeness, due_from, interior_gaps, live_since, poll_group,
};
pub use scheduler_actor::{OrganisationPlan, SchedulerActor, SchedulerParts};
pub use scheduler_event::SchedulerEvent;
pub use scrape_cycle::ScrapeCycle;

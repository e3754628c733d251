//! The health of the replica.
//!
//! The other actors' reports ([`HealthReport`]) are collected by the [`HealthActor`], assessed by
//! one pure function ([`assess`]) and published as one immutable [`HealthSnapshot`], from which
//! every endpoint and metric answers.

mod assessment;
mod dependency;
mod health_actor;
mod probe;
mod report;
mod snapshot;
mod state_reporter;
mod urgent_facts;

pub use assessment::assess;
pub use dependency::Dependency;
pub use health_actor::{HealthActor, HealthSettings};
pub use probe::{Probe, ProbeResult};
pub use report::{HealthReport, Reports, RoleReport, SchedulerReport};
pub use snapshot::{Component, HealthSnapshot, Mode, Status};
pub use state_reporter::{PublishedState, StateReporter};
pub use urgent_facts::UrgentFacts;

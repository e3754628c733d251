//! The requests and answers of the admin API.
//!
//! Handlers build their answers from these types, the command line reads them, and the OpenAPI
//! document describes them. The module depends on neither side. An answer may come from a replica
//! of another version: fields that are missing take their default when an answer is read, and
//! fields that are unknown are ignored.

mod actor;
mod dead_letter;
mod error;
mod maintenance;
mod objective;
mod overview;
mod status;

pub use actor::{ActorCounts, ActorList, ActorReport, InjectedFault};
pub use dead_letter::{
    DeadLetterList, DeadLetterQuery, DeadLetterView, JobView, ReprocessAnswer, ResolveAnswer, ResolveRequest,
};
pub use error::ErrorAnswer;
pub use maintenance::{
    EndMaintenance, MaintenanceEnded, MaintenanceList, MaintenanceStarted, PauseReport, StartMaintenance,
};
pub use objective::{ObjectiveReport, ObjectiveUnit, SloAnswer, Verdict};
pub use overview::{EndpointList, EndpointSummary};
pub use status::{
    BrokerConnection, ClockSummary, ComponentFields, ComponentSummary, ConnectionCounts, CycleSummary,
    DiskSummary, ElectionSummary, FleetSummary, HealthMode, MemorySummary, OrganisationSummary, QueueSummary,
    ReplicaRole, ReplicaSummary, ShardSummary, ShutdownAnswer, StatusReport, StoreSummary,
};

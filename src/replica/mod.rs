//! The state of this replica, in one type that everything reads: metrics, objectives, telemetry and
//! HTTP handlers.

mod org_report;
mod peers;
mod replica_state;

pub use org_report::{OrgReport, OrgReports};
pub use peers::{Peer, PeerReport, Peers};
pub use replica_state::{Connections, Quotas, ReplicaState};

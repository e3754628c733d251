//! Election by a Lease of the Kubernetes API.

mod api;
mod elector;
mod observation;
mod preflight;
mod record;
mod watch;

pub use api::KubernetesCluster;
pub use elector::KubernetesElector;
pub use preflight::preflight;

//! Election by a `coordination.k8s.io` Lease of Kubernetes.

mod api;
mod elector;
mod lease_lock;
mod observation;
mod preflight;
mod record;
mod watch;

pub use api::KubernetesCluster;
pub use elector::KubernetesElector;
pub use preflight::preflight;

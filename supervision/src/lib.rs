#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(panic = "abort")]
compile_error!("supervision turns panics into restarts: build with `panic = \"unwind\"`");

mod actor_id;
mod actor_ref;
mod backoff;
mod call_error;
mod child_spec;
mod children;
mod current_actor;
mod drain;
mod dynamic_child_error;
mod exit_reason;
#[cfg(feature = "fault-injection")]
mod fault;
mod heartbeat;
mod launcher;
mod observable;
#[cfg(feature = "panic-hook")]
mod panic_hook;
mod pump;
mod queue;
mod registry;
mod reply;
mod restart;
mod restart_window;
mod root;
mod run_options;
mod selective_waker;
mod starter;
mod strategy;
mod supervisor;
mod supervisor_state;
mod tree;

pub mod guide;
#[cfg(feature = "testing")]
pub mod testing;

pub use actor_id::ActorId;
pub use actor_ref::{ActorRef, DEFAULT_CALL_TIMEOUT};
pub use backoff::{Backoff, BackoffState};
pub use call_error::{CallError, CastError, Stopped};
pub use child_spec::{ChildSpec, Shutdown};
pub use current_actor::current_actor;
pub use drain::Drain;
pub use dynamic_child_error::{StartChildError, StopChildError};
pub use exit_reason::{ExitReason, RestartCause};
#[cfg(feature = "fault-injection")]
pub use fault::{Fault, InjectError, UnknownFault};
pub use heartbeat::Heartbeat;
pub use observable::Observable;
#[cfg(feature = "panic-hook")]
pub use panic_hook::install_panic_hook;
pub use restart::Restart;
pub use restart_window::{Intensity, RestartWindow};
pub use root::{DuplicateId, Exit, RootHandle, start_root};
pub use run_options::Placement;
pub use starter::Starter;
pub use strategy::Strategy;
pub use supervisor::{SupervisorActor, SupervisorRef, SupervisorSpec};
pub use tree::{ActorSnapshot, ActorState, ChildKind, RestartCounts, TreeSnapshot};

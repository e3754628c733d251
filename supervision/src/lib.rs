//! Supervision as OTP knows it, for plain actix actors.
//!
//! An actor is an ordinary [`actix::Actor`] with ordinary handlers. Its [`ActorRef`] is made first and outlives every
//! restart; a [`ChildSpec`] says how it is started, watched and stopped; a [`SupervisorSpec`] puts children under a
//! [`Strategy`]; [`start_root`] brings the tree to life and gives a [`RootHandle`]. `docs/SUPERVISION.md` states what
//! is guaranteed and what is not.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod actor_id;
mod actor_ref;
mod answer;
mod backoff;
mod bell;
mod call_error;
mod child_spec;
mod crew;
mod drain;
mod exit_reason;
mod fault;
mod heartbeat;
mod launch;
mod mailbox;
mod nursery;
mod observable;
mod panic_hook;
mod pump;
mod queue;
mod registry;
mod restart;
mod restart_window;
mod root;
mod starter;
mod supervisor;
mod tree;

#[cfg(feature = "testing")]
pub mod testing;

pub use actor_id::ActorId;
pub use actor_ref::{ActorRef, DEFAULT_CALL_TIMEOUT};
pub use backoff::{Backoff, BackoffState};
pub use call_error::{CallError, CastError, Stopped};
pub use child_spec::{ChildSpec, Placement, Shutdown};
pub use drain::Drain;
pub use exit_reason::{ExitReason, RestartCause};
pub use fault::{Fault, InjectError, UnknownFault};
pub use heartbeat::Heartbeat;
pub use observable::Observable;
pub use panic_hook::{current_actor, install_panic_hook};
pub use restart::Restart;
pub use restart_window::{Intensity, RestartWindow};
pub use root::{DuplicateId, Exit, RootHandle, start_root};
pub use starter::Starter;
pub use supervisor::{
    StartChildError, StopChildError, Strategy, SupervisorActor, SupervisorRef, SupervisorSpec,
};
pub use tree::{ActorSnapshot, ActorState, ChildKind, RestartCounts, TreeSnapshot};

//! A test harness with a paused clock, and actors that fail as scripted. Requires the feature
//! `testing`.
//!
//! ```
//! use actix_supervisor::testing::{FailureMode, Ping, TestHarness, Trigger};
//! use actix_supervisor::{ExitReason, Strategy, SupervisorSpec};
//!
//! TestHarness::run(|harness| async move {
//!     let (actor, child) = harness.actor("a");
//!     let root = harness.start(SupervisorSpec::new("root", Strategy::OneForOne).child(child));
//!     actor.ready().await.unwrap();
//!
//!     // The actor hangs. No real time passes until its heartbeat is missed.
//!     actor.cast(Trigger(FailureMode::Hang)).unwrap();
//!     actor.down(1).await;
//!     assert_eq!(actor.ready().await, Ok(2));
//!     assert_eq!(actor.call(Ping).await, Ok(2));
//!     let last_exit = root.tree().actor("a").unwrap().last_exit.clone();
//!     assert_eq!(last_exit, Some(ExitReason::Hung { silent_ms: 6000 }));
//! });
//! ```

mod harness;
mod journal;
mod live_actors;
mod scripted_actor;

pub use harness::{TestHarness, in_virtual_time};
pub use journal::Journal;
pub use scripted_actor::{
    FailureMode, PanicInPlainFuture, Ping, Script, ScriptedActor, StartBehavior, Trigger, WriteLine,
};

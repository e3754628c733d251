//! What is guaranteed, what is not, and what to watch out for.
//!
//! - [`lifecycle`]: starts, exits, restarts, escalation and shutdown.
//! - [`messages`]: delivery, order, and what happens to messages in flight.
//! - [`pitfalls`]: what surprises users of actix and of OTP.
//! - [`actix_version`]: which versions of actix are supported, and which behavior of actix this
//!   crate relies on.
//! - [`comparison`]: tested beside raw actix, ractor and quickwit-actors; what Erlang/OTP does.

#[doc = include_str!("lifecycle.md")]
pub mod lifecycle {}

#[doc = include_str!("messages.md")]
pub mod messages {}

#[doc = include_str!("pitfalls.md")]
pub mod pitfalls {}

#[doc = include_str!("actix_version.md")]
pub mod actix_version {}

#[doc = include_str!("comparison.md")]
pub mod comparison {}

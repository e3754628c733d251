//! The supervision library seen from outside, in virtual time.

mod actor_ref;

//! Virtual time, a world without leaks, and actors that misbehave by script.

mod journal;
mod scripted;
mod world;

pub use journal::Journal;
pub use scripted::{Birth, Misbehave, Misdeed, Note, PanicUnseen, Ping, Script, Scripted};
pub use world::{World, in_virtual_time};

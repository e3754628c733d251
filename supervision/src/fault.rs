//! Faults on purpose.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A way to break one actor, for chaos tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A handler panics.
    Panic,
    /// A handler never returns, while its thread stays free: the heartbeat must find it.
    Hang,
    /// The actor stops itself.
    Stop,
}

/// Why a fault was not injected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InjectError {
    /// The tree has no such actor.
    #[error("no actor is called {0}")]
    UnknownActor(String),
    /// The actor has no living incarnation to break.
    #[error("{0} is not running")]
    NotRunning(String),
}

/// Text that names no [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown fault {0:?}; known are panic, hang and stop")]
pub struct UnknownFault(String);

// === impl Fault ===

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 3] = [Self::Panic, Self::Hang, Self::Stop];
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        match text {
            "panic" => Ok(Self::Panic),
            "hang" => Ok(Self::Hang),
            "stop" => Ok(Self::Stop),
            other => Err(UnknownFault(other.to_owned())),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::Stop => "stop",
        })
    }
}

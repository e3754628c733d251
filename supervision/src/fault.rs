//! Fault injection.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A fault to inject into one actor, for chaos tests. Requires the feature `fault-injection`.
///
/// ```
/// use actix_supervisor::Fault;
///
/// assert_eq!("hang".parse(), Ok(Fault::Hang));
/// assert!("fire".parse::<Fault>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A handler panics.
    Panic,
    /// The actor waits forever while its thread stays free: only its heartbeat reveals it.
    Hang,
    /// The actor stops itself, which is an orderly exit.
    Stop,
}

/// Why a fault was not injected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InjectError {
    /// The tree has no such actor.
    #[error("no actor is called {0}")]
    UnknownActor(String),
    /// The actor has no running incarnation.
    #[error("{0} is not running")]
    NotRunning(String),
}

/// The text is not the name of a [`Fault`].
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

//! Why a dynamic child was not started or stopped.

use thiserror::Error;

use super::CallError;

/// Why a child was not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartChildError {
    /// The tree already has an actor of this name.
    #[error("the tree already has an actor called {0}")]
    DuplicateId(String),
    /// The supervisor is shutting down.
    #[error("the supervisor is shutting down")]
    ShuttingDown,
    /// The supervisor did not answer.
    #[error("the supervisor did not answer: {0}")]
    Call(#[from] CallError),
}

/// Why a child was not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StopChildError {
    /// The supervisor has no such child.
    #[error("the supervisor has no child called {0}")]
    UnknownChild(String),
    /// The supervisor did not answer.
    #[error("the supervisor did not answer: {0}")]
    Call(#[from] CallError),
}

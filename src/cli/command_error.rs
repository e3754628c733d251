//! How a command fails: one sentence on stderr and an exit code that says what kind.

use std::process::ExitCode;

use crate::config::ConfigError;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct CommandError {
    cause: anyhow::Error,
    code: u8,
}

impl CommandError {
    /// Says so on stderr.
    pub fn report(&self) -> ExitCode {
        eprintln!("github-stats: {:#}", self.cause);
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        CommandError { code: error.exit_code(), cause: error.into() }
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(cause: anyhow::Error) -> Self {
        CommandError { cause, code: 1 }
    }
}

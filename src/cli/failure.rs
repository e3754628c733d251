//! How a command fails: one sentence on stderr and an exit code that says what kind.

use std::process::ExitCode;

use crate::config::ConfigError;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    cause: anyhow::Error,
    code: u8,
}

impl Failure {
    /// Says so on stderr.
    pub fn report(&self) -> ExitCode {
        eprintln!("github-stats: {:#}", self.cause);
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure { code: error.exit_code(), cause: error.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Failure { cause, code: 1 }
    }
}

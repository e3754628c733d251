//! How a command fails: one sentence on standard error and an exit code for the kind of failure.

use std::process::ExitCode;

use crate::config::ConfigError;

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub struct CommandError {
    cause: anyhow::Error,
    code: u8,
}

impl CommandError {
    /// Prints the failure on standard error and returns the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("github-stats: {}", sentence(&self.cause));
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

/// The error and its causes, each once: many errors already include the text of their cause.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |sentence, cause| match sentence.as_str() {
        "" => cause,
        known if known.contains(&cause) => sentence,
        _ => format!("{sentence}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file cannot be read: {0}")]
    struct Unreadable(#[source] std::io::Error);

    #[test]
    fn every_cause_is_printed_once() {
        let refused = || std::io::Error::other("permission denied");
        let error = anyhow::Error::from(Unreadable(refused())).context("cannot start");
        assert_eq!(sentence(&error), "cannot start: the file cannot be read: permission denied");
        let error = anyhow::Error::from(refused()).context("cannot start");
        assert_eq!(sentence(&error), "cannot start: permission denied");
    }
}

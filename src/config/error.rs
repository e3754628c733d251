//! Why a configuration was refused.

use std::path::PathBuf;

use super::{Origin, SecretError};

/// Why the configuration was refused, as one sentence that names the place, the key and what to do.
///
/// No variant ever carries the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be opened or read.
    #[error("{}: cannot read the configuration file: {source}", file.display())]
    Unreadable {
        /// The file as the user named it.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is larger than any sensible configuration.
    #[error("{}: the configuration file is larger than {limit} bytes; is it the right file?", file.display())]
    TooLarge {
        /// The file as the user named it.
        file: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// The text is not YAML, or is YAML that expands beyond all bounds.
    #[error("{at}: not valid YAML: {problem}")]
    Syntax {
        /// Where the parser gave up.
        at: Origin,
        /// What it met there.
        problem: String,
    },
    /// A key that does not exist.
    #[error("{at}: unknown key {key:?}{hint}")]
    UnknownKey {
        /// Where the key stands.
        at: Origin,
        /// The key with its path, such as `github.orgs[0].scrape_intervall`.
        key: String,
        /// The nearest valid key as the end of the sentence.
        hint: String,
    },
    /// A value of the wrong type or form.
    #[error("{at}: {key} must be {expected}, but is {found}")]
    WrongType {
        /// Where the value stands.
        at: Origin,
        /// The key with its path.
        key: String,
        /// What would have been accepted, with an example.
        expected: String,
        /// What was found instead; for secrets only its kind.
        found: String,
    },
    /// Values of the right type that cannot work, alone or together.
    #[error("{at}: {problem}")]
    Impossible {
        /// Where the value stands that has to change.
        at: Origin,
        /// The whole sentence, naming every key involved.
        problem: String,
    },
    /// A secret file that cannot be used.
    #[error("{key}: {source}")]
    Secret {
        /// The key that names the file.
        key: String,
        /// What is wrong with the file; never what it holds.
        source: SecretError,
    },
}

impl ConfigError {
    /// The exit code of a process that refuses its configuration: 64, as `EX_USAGE` of sysexits.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        64
    }
}

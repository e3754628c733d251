//! Why a configuration was rejected.

use std::fmt;
use std::path::PathBuf;

use super::origin::Origin;
use super::secret_source::SecretError;

/// Why the configuration was rejected, as one sentence that names the place, the key and what to
/// do.
///
/// No variant ever carries the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be opened or read.
    #[error("{}: cannot read the configuration file: {cause}", file.display())]
    Unreadable {
        /// The file as the user named it.
        file: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file is larger than any sensible configuration.
    #[error("{}: the configuration file is larger than {limit} bytes; is it the right file?", file.display())]
    TooLarge {
        /// The file as the user named it.
        file: PathBuf,
        /// The size limit in bytes.
        limit: u64,
    },
    /// The text is not YAML, or its aliases expand without bounds.
    #[error("{at}: not valid YAML: {problem}")]
    Syntax {
        /// Where the parser stopped.
        at: Origin,
        /// What is wrong there.
        problem: String,
    },
    /// A key that does not exist.
    #[error("{at}: unknown key {key:?}{hint}")]
    UnknownKey {
        /// Where the key is.
        at: Origin,
        /// The key with its path, such as `github.orgs[0].scrape_intervall`.
        key: String,
        /// The end of the sentence.
        hint: KeyHint,
    },
    /// A value of the wrong type or form.
    #[error("{at}: {key} must be {expected}, but is {found}")]
    WrongType {
        /// Where the value is.
        at: Origin,
        /// The key with its path.
        key: String,
        /// What would have been accepted, with an example.
        expected: String,
        /// What was found instead; for secrets only its kind.
        found: String,
    },
    /// A value of the right type that is invalid, by itself or together with others.
    #[error("{at}: {problem}")]
    InvalidValue {
        /// Where the value is that has to change.
        at: Origin,
        /// The whole sentence, naming every key involved.
        problem: String,
    },
    /// A secret file that cannot be used.
    #[error("{key}: {cause}")]
    Secret {
        /// The key that names the file.
        key: String,
        /// What is wrong with the file; never its content.
        cause: SecretError,
    },
}

/// What to use instead of an unknown key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHint {
    /// The valid key or variable that was probably meant.
    Nearest(String),
    /// The keys that the section accepts.
    Accepted {
        /// The path of the section.
        section: String,
        /// Its keys, separated by commas.
        keys: String,
    },
}

impl fmt::Display for KeyHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(key) => write!(f, "; did you mean {key}?"),
            Self::Accepted { section, keys } => write!(f, "; {section} takes {keys}"),
        }
    }
}

impl ConfigError {
    /// The exit code for a rejected configuration: 64, `EX_USAGE` in `sysexits.h`.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        64
    }
}

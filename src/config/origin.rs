//! Where a value was set.

use std::fmt;
use std::sync::Arc;

/// Where a value of the configuration was set, as error messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the embedded default.
    Default,
    /// A place in the configuration file; lines and columns count from 1.
    File {
        /// The file as the user named it.
        file: Arc<str>,
        /// Line of the key, from 1; 0 for the whole file.
        line: u32,
        /// Column of the key in characters, from 1.
        column: u32,
    },
    /// An environment variable.
    Variable(Arc<str>),
    /// A command-line flag such as `--org`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("embedded defaults"),
            Self::File { file, line: 0, .. } => f.write_str(file),
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

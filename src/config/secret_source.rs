//! Where a secret comes from, read again at each use so that rotation needs no restart.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Secret;

/// No token or key is longer; a wrong path must not fill the memory.
const LARGEST: u64 = 64 * 1024;

/// A secret that may change while the process runs.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// Written in the configuration or a variable: fixed until the next start.
    Inline(Secret),
    /// The content of a file, without its last line break.
    File(PathBuf),
}

/// Why a secret file could not be used. Never contains what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("cannot read the secret file {}: {source}", file.display())]
    Unreadable {
        /// The file as configured.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file holds nothing but white space.
    #[error("the secret file {} is empty", file.display())]
    Empty {
        /// The file as configured.
        file: PathBuf,
    },
    /// The file is larger than any secret or not text.
    #[error("the secret file {} is not a text of at most {LARGEST} bytes", file.display())]
    NotText {
        /// The file as configured.
        file: PathBuf,
    },
}

impl SecretSource {
    /// The source that a pair of keys such as `token` and `token_file` describes, if either is set.
    #[must_use]
    pub fn of(inline: &Secret, file: Option<&Path>) -> Option<Self> {
        match file {
            Some(file) => Some(Self::File(file.to_owned())),
            None if inline.is_empty() => None,
            None => Some(Self::Inline(inline.clone())),
        }
    }

    /// The secret as it is now. A file is read each time: secrets are asked for at connects and
    /// token exchanges, and a mounted secret changes by swapping links that no timestamp betrays.
    ///
    /// # Errors
    /// [`SecretError`] if the file cannot be read, is empty, or is no text of sensible size.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::File(file) => read_file(file),
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let file = || path.to_owned();
    let unreadable = |source| SecretError::Unreadable { file: file(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|opened| opened.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= LARGEST);
    let text = text.ok_or_else(|| SecretError::NotText { file: file() })?;
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.trim().is_empty() {
        return Err(SecretError::Empty { file: file() });
    }
    Ok(Secret::new(trimmed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let source = SecretSource::File(path.clone());
        std::fs::write(&path, "first\n").expect("written");
        assert_eq!(source.read().expect("readable").expose(), "first");
        std::fs::write(&path, "other\r\n").expect("written");
        assert_eq!(source.read().expect("readable").expose(), "other");
    }

    #[test]
    fn errors_name_the_file_and_never_its_content() {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, content) in
            [("empty", b"\n ".to_vec()), ("large", vec![b'k'; 70_000]), ("binary", vec![0xff, 0xfe])]
        {
            let path = dir.path().join(name);
            std::fs::write(&path, content).expect("written");
            let message = SecretSource::File(path).read().expect_err("refused").to_string();
            assert!(message.contains(name) && !message.contains("kkk"), "{message}");
        }
        let absent = SecretSource::File(dir.path().join("absent")).read();
        assert!(absent.expect_err("refused").to_string().contains("absent"));
    }

    #[test]
    fn a_file_wins_over_nothing_and_nothing_is_no_source() {
        assert_eq!(SecretSource::of(&Secret::default(), None), None);
        let inline = SecretSource::of(&Secret::new("x"), None).expect("a source");
        assert_eq!(inline.read().expect("readable").expose(), "x");
    }
}

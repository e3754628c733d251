//! Secrets that are read again at each use, so that rotation needs no restart.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Secret;

/// The size limit of a secret file in bytes: a wrong path must not fill the memory.
const MAX_SIZE: u64 = 64 * 1024;

/// A secret that may change while the process runs.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// Written in the configuration or a variable: fixed until the process restarts.
    Inline(Secret),
    /// The content of a file, without its last line break.
    File(PathBuf),
}

/// Why a secret file could not be used. Never contains the content of the file.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("cannot read the secret file {}: {cause}", file.display())]
    Unreadable {
        /// The file as configured.
        file: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file contains nothing but white space.
    #[error("the secret file {} is empty", file.display())]
    Empty {
        /// The file as configured.
        file: PathBuf,
    },
    /// The file is too large or is not UTF-8.
    #[error("the secret file {} is not a text of at most {MAX_SIZE} bytes", file.display())]
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

    /// The current secret, read without blocking the runtime.
    ///
    /// # Errors
    /// See [`SecretSource::read_blocking`].
    pub async fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::File(file) => {
                let path = file.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                read.unwrap_or_else(|error| {
                    Err(SecretError::Unreadable { file: file.clone(), cause: std::io::Error::other(error) })
                })
            }
        }
    }

    /// The current secret. A file is read each time: a mounted secret is rotated by swapping
    /// symbolic links, which leaves modification times unchanged.
    ///
    /// # Errors
    /// [`SecretError`] if the file cannot be read, is empty, or is not a text of reasonable size.
    pub fn read_blocking(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::File(file) => read_file(file),
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let file = || path.to_owned();
    let unreadable = |cause| SecretError::Unreadable { file: file(), cause };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|opened| opened.take(MAX_SIZE + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= MAX_SIZE);
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

    #[tokio::test]
    async fn a_file_is_read_again_when_it_changed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let source = SecretSource::File(path.clone());
        std::fs::write(&path, "first\n").expect("written");
        assert_eq!(source.read_blocking().expect("readable").expose(), "first");
        std::fs::write(&path, "other\r\n").expect("written");
        assert_eq!(source.read_blocking().expect("readable").expose(), "other");
        assert_eq!(source.read().await.expect("readable").expose(), "other");
    }

    #[test]
    fn errors_name_the_file_and_never_its_content() {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, content) in
            [("empty", b"\n ".to_vec()), ("large", vec![b'k'; 70_000]), ("binary", vec![0xff, 0xfe])]
        {
            let path = dir.path().join(name);
            std::fs::write(&path, content).expect("written");
            let message = SecretSource::File(path).read_blocking().expect_err("rejected").to_string();
            assert!(message.contains(name) && !message.contains("kkk"), "{message}");
        }
        let absent = SecretSource::File(dir.path().join("absent")).read_blocking();
        assert!(absent.expect_err("rejected").to_string().contains("absent"));
    }

    #[test]
    fn a_pair_of_keys_of_which_neither_is_set_is_not_a_source() {
        assert_eq!(SecretSource::of(&Secret::default(), None), None);
        let inline = SecretSource::of(&Secret::new("x"), None).expect("a source");
        assert_eq!(inline.read_blocking().expect("readable").expose(), "x");
    }
}

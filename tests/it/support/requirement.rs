//! Programs that tests need.

use std::path::PathBuf;

/// The path of the first of these commands that is installed.
///
/// Tests that need one are ignored by default. If they run nevertheless, a missing command is a
/// failure.
pub fn require(names: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        std::env::split_paths(&path).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let missing = || panic!("this test needs {}: install the Debian package {package}", names[0]);
    candidates.find(|candidate| candidate.is_file()).unwrap_or_else(missing)
}

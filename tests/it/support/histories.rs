//! Recorded commit histories, as `tests/data/README.md` describes them.

use std::path::{Path, PathBuf};

/// The files of all histories.
pub fn histories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/histories");
    let entries = std::fs::read_dir(folder).expect("the histories of the tests");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths
}

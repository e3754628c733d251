//! Material that is not part of the project: GitHub's own descriptions, recorded histories.

use std::path::PathBuf;

/// A file of the shared material; none, said loudly, where there is none.
pub fn file(name: &str) -> Option<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GITHUB_STATS_SHARED").map(PathBuf::from);
    let usual = ["../../shared", "../shared"].map(|place| manifest.join(place));
    let found = given.into_iter().chain(usual).map(|place| place.join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("\n!!! SKIPPED: {name} was not found. Set GITHUB_STATS_SHARED to where it is. !!!\n");
    }
    found
}

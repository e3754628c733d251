//! Real input that is not part of the project.

use std::path::PathBuf;

/// The real commit histories beside the checkout, or in `GITHUB_STATS_SHARED`. `None`, loudly, where there are none.
pub fn histories() -> Option<Vec<PathBuf>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("GITHUB_STATS_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("data/activity");
    let files = std::fs::read_dir(&folder).map(|entries| {
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
        paths.sort();
        paths
    });
    match files {
        Ok(files) if !files.is_empty() => Some(files),
        _ => {
            eprintln!("SKIPPED: there are no commit histories in {}", folder.display());
            None
        }
    }
}

/// Whether the long forms are wanted: `tests/run --soak`.
pub fn soak() -> bool {
    std::env::var_os("GITHUB_STATS_SOAK").is_some()
}

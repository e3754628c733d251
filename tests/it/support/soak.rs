//! Long forms of tests.

/// Whether the long forms were asked for, by `tests/run --soak`.
pub fn soak() -> bool {
    std::env::var_os("GITHUB_STATS_SOAK").is_some()
}

//! github-stats.
fn main() {}

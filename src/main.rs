//! The `github-stats` binary.
fn main() {}

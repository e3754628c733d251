//! The `github-stats` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    github_stats::cli::run()
}

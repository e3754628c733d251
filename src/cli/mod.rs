//! The command line: one module for each subcommand.

mod admin;
mod backup;
mod check;
mod command_error;
mod demo;
mod dlq;
mod fill;
mod plan;
mod replica_client;
mod replica_options;
mod serve;
mod show;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::telemetry::LogFormat;

/// Collect the contributor activity of GitHub organisations and serve it to Prometheus.
#[derive(Debug, Parser)]
#[command(name = "github-stats", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The log format; `auto` is text on a terminal and JSON elsewhere.
    #[arg(long, global = true, value_enum, default_value_t = Format::Auto)]
    log_format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a replica.
    Serve(serve::ServeArgs),
    /// Serve a simulated, busy organisation. Needs no token and no other services.
    Demo(demo::DemoArgs),
    /// Write the contents of the store to a file.
    Backup(backup::BackupArgs),
    /// Merge a backup into the store.
    Restore(backup::RestoreArgs),
    /// Estimate how much of GitHub's quota collecting will use, and whether it fits.
    Plan(plan::PlanArgs),
    /// Manage dead letters: backfill jobs that were given up.
    Dlq(dlq::DlqArgs),
    /// Operate a running replica: status, service level objectives, maintenance, shutdown.
    Admin(admin::AdminArgs),
    /// Check the configuration, the credentials and the connections to GitHub and other services.
    Check(check::CheckArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Auto,
    Text,
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Auto => LogFormat::Auto,
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        }
    }
}

/// Runs the command given by the arguments of the process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.log_format.into();
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(args, format),
        Command::Demo(args) => demo::run(args, format),
        Command::Backup(args) => backup::back_up(args),
        Command::Restore(args) => backup::restore(args),
        Command::Dlq(args) => dlq::run(args),
        Command::Admin(args) => admin::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Check(args) => check::run(args),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

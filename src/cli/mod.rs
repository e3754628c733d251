//! The command line: one file a subcommand.

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

/// Collects contributor activity of whole GitHub organisations and serves it to Prometheus.
#[derive(Debug, Parser)]
#[command(name = "github-stats", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How to log: text on a terminal and JSON elsewhere, or always the one or the other.
    #[arg(long, global = true, value_enum, default_value_t = Format::Auto)]
    log_format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a replica.
    Serve(serve::ServeArgs),
    /// Serve a lively organisation from a simulator: no token, no services.
    Demo(demo::DemoArgs),
    /// Write the whole store into a file.
    Backup(backup::BackupArgs),
    /// Bring a backup back into a store, as a union with what is there.
    Restore(backup::RestoreArgs),
    /// Estimate what collecting will cost, and whether the quota allows it.
    Plan(plan::PlanArgs),
    /// Look after dead letters: backfill jobs that were given up.
    Dlq(dlq::DlqArgs),
    /// Operate a running replica: status, objectives, maintenance, shutdown.
    Admin(admin::AdminArgs),
    /// Check configuration, credentials, GitHub and the store, one line each.
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

/// Runs the command the process was started with.
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

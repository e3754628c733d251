//! `github-stats dlq`: dead letters, through the broker or a running replica.

mod backend;
mod report;
mod table;

use std::process::ExitCode;

use anyhow::Context;
use github_stats_actors::clock::Clock;
use serde_json::json;

use self::backend::DeadLetterBackend;
use self::report::DeadLetterStatistics;
use super::command_error::CommandError;
use super::replica_options::ReplicaOptions;
use super::show::show;

/// Arguments of `dlq`.
#[derive(Debug, clap::Args)]
pub struct DlqArgs {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    replica: ReplicaOptions,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the oldest dead letters.
    List {
        /// The maximum number of dead letters to list.
        #[arg(long, value_name = "N", default_value_t = 20)]
        count: usize,
    },
    /// Show all details of a dead letter.
    Inspect {
        /// The id of the dead letter.
        #[arg(long, value_name = "ID")]
        id: String,
    },
    /// Enqueue the job of a dead letter again. Repeating the command does not repeat the job.
    #[command(group(clap::ArgGroup::new("which").required(true).args(["id", "all"])))]
    Reprocess {
        /// The id of the dead letter.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        /// Reprocess every dead letter that contains a job.
        #[arg(long)]
        all: bool,
    },
    /// Remove a dead letter without another attempt.
    Resolve {
        /// The id of the dead letter.
        #[arg(long, value_name = "ID")]
        id: String,
        /// The reason, for the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Count recent dead letters by reason, organisation and error.
    Report {
        /// Count dead letters of the last N hours.
        #[arg(long, value_name = "N", default_value_t = 24)]
        hours: u32,
    },
}

pub fn run(args: DlqArgs) -> Result<ExitCode, CommandError> {
    let config = args.replica.load()?;
    let clock = Clock::system();
    let backend = DeadLetterBackend::of(&config, &args.replica, clock.clone())?;
    let system = actix_rt::System::new();
    Ok(system.block_on(act(&backend, args.action, &clock, args.replica.json))?)
}

async fn act(
    backend: &DeadLetterBackend,
    action: Action,
    clock: &Clock,
    json: bool,
) -> Result<ExitCode, anyhow::Error> {
    match action {
        Action::List { count } => {
            let list = backend.list(Some(count)).await?;
            show(json, &json!(list), || table::list(&list));
        }
        Action::Inspect { id } => {
            let dead_letter = backend.inspect(&id).await?;
            show(json, &json!(dead_letter), || table::dead_letter(&dead_letter));
        }
        Action::Reprocess { id, .. } => {
            let answer = backend.reprocess(id.as_deref()).await?;
            show(json, &json!(answer), || table::reprocessed(&answer));
            return Ok(ExitCode::from(u8::from(!answer.failed.is_empty())));
        }
        Action::Resolve { id, reason } => {
            anyhow::ensure!(!reason.trim().is_empty(), "--reason must say why the dead letter is resolved");
            let answer = backend.resolve(&id, reason).await?;
            let text = || format!("the dead letter {id} is resolved; a sweep may enqueue its window again");
            show(json, &json!(answer), text);
        }
        Action::Report { hours } => {
            let dead_letters = backend.list(None).await.context("cannot report")?.dead_letters;
            let report = DeadLetterStatistics::of(&dead_letters, hours, clock.now());
            show(json, &json!(report), || table::report(&report));
        }
    }
    Ok(ExitCode::SUCCESS)
}

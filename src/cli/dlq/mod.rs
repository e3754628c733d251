//! `github-stats dlq`: dead letters, on the broker or in a running replica.

mod backend;
mod report;
mod table;

use std::process::ExitCode;

use anyhow::Context;
use github_stats_actors::clock::Clock;
use serde_json::json;

use self::backend::DeadLetterBackend;
use self::report::DeadLetterReport;
use super::command_error::CommandError;
use super::replica_options::ReplicaOptions;
use super::show::show;

/// Letters looked at where all of them are wanted.
const ALL: usize = 1_000_000;

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
    /// List the letters that have been there longest.
    List {
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        count: usize,
    },
    /// Show everything about a letter.
    Inspect {
        /// Which.
        #[arg(long, value_name = "ID")]
        id: String,
    },
    /// Try a letter's job again, once however often that is asked for.
    #[command(group(clap::ArgGroup::new("which").required(true).args(["id", "all"])))]
    Reprocess {
        /// Which.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        /// Every letter that holds a job.
        #[arg(long)]
        all: bool,
    },
    /// Take a letter out without doing anything about it.
    Resolve {
        /// Which.
        #[arg(long, value_name = "ID")]
        id: String,
        /// Why, for the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Count the letters of the last hours by reason, organisation and error.
    Report {
        /// How many hours.
        #[arg(long, value_name = "N", default_value_t = 24)]
        hours: u32,
    },
}

pub fn run(args: DlqArgs) -> Result<ExitCode, CommandError> {
    let config = args.replica.load()?;
    let office = DeadLetterBackend::of(&config, &args.replica)?;
    let system = actix_rt::System::new();
    Ok(system.block_on(act(&office, args.action, args.replica.json))?)
}

async fn act(office: &DeadLetterBackend, action: Action, json: bool) -> Result<ExitCode, anyhow::Error> {
    match action {
        Action::List { count } => {
            let (total, letters) = office.list(count).await?;
            let tell = || table::letters(total, &letters);
            show(json, &json!({ "total": total, "letters": letters }), tell);
        }
        Action::Inspect { id } => {
            let letter = office.inspect(&id).await?;
            show(json, &json!(letter), || table::letter(&letter));
        }
        Action::Reprocess { id, .. } => {
            let outcome = office.reprocess(id.as_deref()).await?;
            show(json, &json!(outcome), || table::reprocessed(&outcome));
            return Ok(ExitCode::from(u8::from(!outcome.failed.is_empty())));
        }
        Action::Resolve { id, reason } => {
            anyhow::ensure!(!reason.trim().is_empty(), "--reason must say why the dead letter is resolved");
            office.resolve(&id, &reason).await?;
            let tell = || format!("the dead letter {id} is resolved; its window may be swept again");
            show(json, &json!({ "resolved": id, "reason": reason }), tell);
        }
        Action::Report { hours } => {
            let (_, letters) = office.list(ALL).await.context("cannot report")?;
            let report = DeadLetterReport::of(&letters, hours, Clock::system().now());
            show(json, &json!(report), || table::report(&report));
        }
    }
    Ok(ExitCode::SUCCESS)
}

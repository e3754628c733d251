//! `github-stats admin`: a client of the admin API.

mod table;

use std::process::ExitCode;

use super::command_error::CommandError;
use super::replica_client::ReplicaClient;
use super::replica_options::ReplicaOptions;
use super::show::{show, visible};
use crate::admin_api::{
    EndMaintenance, MaintenanceEnded, MaintenanceList, MaintenanceStarted, ShutdownAnswer, SloAnswer,
    StartMaintenance, StatusReport, Verdict,
};
use crate::config::parse_duration;

/// Arguments of `admin`.
#[derive(Debug, clap::Args)]
pub struct AdminArgs {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    replica: ReplicaOptions,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the current state of a replica and of what it depends on.
    Status,
    /// Show whether the service level objectives are met; exit code 1 if one is missed.
    Slo,
    /// Pause scraping for a while, or resume it.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Stop a replica as SIGTERM does.
    Shutdown {
        /// Confirm that the replica is to be stopped.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, clap::Subcommand)]
enum Maintenance {
    /// Pause scraping of one organisation, or of all.
    Start {
        /// The length of the pause, such as 30m; at most 24h.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = duration)]
        length: String,
        /// The reason, for /healthz and the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The organisation to pause. Without it, all are paused.
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Who requests it, for the audit log.
        #[arg(long, value_name = "NAME", env = "USER")]
        by: Option<String>,
    },
    /// Resume scraping of one organisation, or of all.
    End {
        /// The organisation to resume. Without it, every pause ends.
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Who requests it, for the audit log.
        #[arg(long, value_name = "NAME", env = "USER")]
        by: Option<String>,
    },
    /// Show the current pauses.
    Show,
}

/// Checked here as well as by the replica, so that a typing error is a usage error.
fn duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned()).ok_or_else(|| "not a duration such as 30m or 1h".to_owned())
}

pub fn run(args: AdminArgs) -> Result<ExitCode, CommandError> {
    let client = args.replica.client(&args.replica.load()?)?;
    let system = actix_rt::System::new();
    Ok(system.block_on(act(&client, args.action, args.replica.json))?)
}

async fn act(client: &ReplicaClient, action: Action, json: bool) -> Result<ExitCode, anyhow::Error> {
    match action {
        Action::Status => {
            let answer = client.get::<StatusReport>("status", &()).await?;
            show(json, &answer.json, || table::status(&answer.content));
        }
        Action::Slo => {
            let answer = client.get::<SloAnswer>("slo", &()).await?;
            show(json, &answer.json, || table::slo(&answer.content));
            return Ok(ExitCode::from(u8::from(answer.content.status == Verdict::Missed)));
        }
        Action::Maintenance(maintenance) => return maintain(client, maintenance, json).await,
        Action::Shutdown { yes } => {
            anyhow::ensure!(yes, "this stops the replica: confirm with --yes");
            let answer = client.post::<ShutdownAnswer>("shutdown", &()).await?;
            show(json, &answer.json, || format!("{} is stopping", visible(&answer.content.replica)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn maintain(
    client: &ReplicaClient,
    maintenance: Maintenance,
    json: bool,
) -> Result<ExitCode, anyhow::Error> {
    match maintenance {
        Maintenance::Start { length, reason, org, by } => {
            let start = StartMaintenance { reason, by: not_blank(by), org, length: Some(length) };
            let answer = client.post::<MaintenanceStarted>("maintenance", &start).await?;
            show(json, &answer.json, || table::maintenance(&answer.content.maintenance));
        }
        Maintenance::End { org, by } => {
            let end = EndMaintenance { org, by: not_blank(by) };
            let answer = client.delete::<MaintenanceEnded>("maintenance", &end).await?;
            show(json, &answer.json, || table::ended(&answer.content));
        }
        Maintenance::Show => {
            let answer = client.get::<MaintenanceList>("maintenance", &()).await?;
            show(json, &answer.json, || table::maintenance(&answer.content.maintenance));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Drops a blank name: the environment variable may be set and empty.
fn not_blank(by: Option<String>) -> Option<String> {
    by.filter(|by| !by.trim().is_empty())
}

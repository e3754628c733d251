//! `github-stats admin`: a client of the operator's API.

mod table;

use std::process::ExitCode;

use serde_json::{Value, json};

use super::command_error::CommandError;
use super::replica_client::ReplicaClient;
use super::replica_options::ReplicaOptions;
use super::show::show;
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
    /// Show what a replica knows of itself and its surroundings.
    Status,
    /// Show how the objectives stand; exit code 1 when one of them is missed.
    Slo,
    /// Pause scraping for a while, and let it go on.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Stop a replica as SIGTERM does.
    Shutdown {
        /// It is meant.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, clap::Subcommand)]
enum Maintenance {
    /// Pause scraping of one organisation, or of all.
    Start {
        /// How long, such as 30m; at most 24h.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = duration)]
        length: String,
        /// Why, for /healthz and the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Which organisation; without it all of them.
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Who asks for it, for the audit log.
        #[arg(long, value_name = "NAME", env = "USER")]
        by: Option<String>,
    },
    /// Let one organisation, or all, go on.
    End {
        /// Which organisation; without it every pause ends.
        #[arg(long, value_name = "ORG")]
        org: Option<String>,
        /// Who asks for it, for the audit log.
        #[arg(long, value_name = "NAME", env = "USER")]
        by: Option<String>,
    },
    /// Show what is paused.
    Show,
}

/// Judged here too, so that a typing error is one of usage.
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
            let status = client.get("status").await?;
            show(json, &status, || table::status(&status));
        }
        Action::Slo => {
            let report = client.get("slo").await?;
            show(json, &report, || table::slo(&report));
            return Ok(ExitCode::from(u8::from(report["status"] == "missed")));
        }
        Action::Maintenance(maintenance) => return maintain(client, maintenance, json).await,
        Action::Shutdown { yes } => {
            anyhow::ensure!(yes, "this stops the replica: say --yes if that is meant");
            let answer = client.post("shutdown", None).await?;
            show(json, &answer, || format!("{} is stopping", text(&answer["replica"])));
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
            let by = named(by);
            let order = json!({ "for": length, "reason": reason, "org": org, "by": by });
            let answer = client.post("maintenance", Some(order)).await?;
            show(json, &answer, || table::maintenance(&answer["maintenance"]));
        }
        Maintenance::End { org, by } => {
            let parameters = [("org", org), ("by", named(by))];
            let query = parameters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
            let answer = client.delete("maintenance", query).await?;
            show(json, &answer, || table::ended(&answer));
        }
        Maintenance::Show => {
            let answer = client.get("maintenance").await?;
            show(json, &answer, || table::maintenance(&answer["maintenance"]));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A variable that is set to nothing names nobody.
fn named(by: Option<String>) -> Option<String> {
    by.filter(|by| !by.trim().is_empty())
}

/// A text of an answer; a dash where there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

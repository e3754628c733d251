//! `github-stats check`: checks before a start, one line each.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use github_stats_actors::clock::Clock;
use github_stats_actors::source::SourceError;
use serde::Serialize;

use super::command_error::CommandError;
use super::replica_client::ReplicaClient;
use crate::config::{Config, Environment, InitialRole, Overrides, StoreBackend, load};
use crate::disk::DiskSpace;
use crate::election;
use crate::github::{NoMeter, RequestMeter};
use crate::meter::Unmetered;
use crate::queue::amqp::{AmqpDeadLetters, Broker, Topology};
use crate::redis::{FindingLevel, RedisClientSettings};
use crate::runtime::organisation;
use crate::store::{EmbeddedStore, OpenError, RedisStore};

/// A clock that is off by this many milliseconds fails the check: certificates depend on it too.
const SKEW_LIMIT_MS: i64 = 60_000;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The configuration file. Without it, the built-in defaults apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print JSON instead of lines.
    #[arg(long)]
    json: bool,

    /// Only check whether the replica on this machine is live; for health checks of containers.
    #[arg(long)]
    live: bool,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    ok: bool,
    detail: String,
}

impl Finding {
    fn new(check: impl Into<String>, outcome: Result<String, String>) -> Self {
        let ok = outcome.is_ok();
        Finding { check: check.into(), ok, detail: outcome.unwrap_or_else(|error| error) }
    }
}

pub fn run(args: CheckArgs) -> Result<ExitCode, CommandError> {
    let env = Environment::of_process();
    let loaded = load(args.config.as_deref(), &env, &Overrides::default())?;
    if args.live {
        let replica = ReplicaClient::new(&loaded.config, None)?;
        actix_rt::System::new().block_on(replica.live())?;
        return Ok(ExitCode::SUCCESS);
    }
    InitialRole::of(&env)?;
    let mut findings =
        vec![Finding::new("configuration", Ok(format!("{} organisations", loaded.config.github.orgs.len())))];
    findings.extend(
        loaded.warnings.iter().map(|warning| Finding::new("configuration", Ok(format!("note: {warning}")))),
    );
    findings.push(Finding::new(
        "secrets",
        loaded.config.check_secrets().map(|()| "readable".to_owned()).map_err(|error| error.to_string()),
    ));
    findings.push(Finding::new("store", store(&loaded.config)));
    if loaded.config.store.is_shared() {
        findings.extend(actix_rt::System::new().block_on(redis(&loaded.config)));
    }
    if loaded.config.store.has_directory() {
        findings.push(Finding::new("disk", disk(&loaded.config)));
    }
    let system = actix_rt::System::new();
    findings.extend(system.block_on(queue(&loaded.config)));
    if let Some(found) = system.block_on(election::preflight(&loaded.config, &env)) {
        findings.push(Finding::new("kubernetes", found));
    }
    findings.extend(system.block_on(github(&loaded.config)));
    let failed = findings.iter().any(|finding| !finding.ok);
    print(&findings, args.json);
    Ok(ExitCode::from(u8::from(failed)))
}

/// Checks the local store, which a replica has even if it uses a shared one.
fn store(config: &Config) -> Result<String, String> {
    if config.store.backend == StoreBackend::Memory {
        return Ok("in memory: nothing is kept when the process ends".into());
    }
    let path = config.store.path.display();
    match EmbeddedStore::open(&config.store.path) {
        Ok(_) => Ok(format!("{path} can be opened")),
        Err(OpenError::InUse { .. }) => Ok(format!("{path} is in use by a running github-stats")),
        Err(error) => Err(error.to_string()),
    }
}

async fn redis(config: &Config) -> Vec<Finding> {
    let store = match RedisClientSettings::from_config(&config.store) {
        Ok(settings) => RedisStore::new(settings, &config.store.key_prefix, Arc::new(Unmetered)),
        Err(error) => return vec![Finding::new("redis", Err(error.to_string()))],
    };
    let found = store.preflight().await.findings.into_iter();
    let finding = |found: crate::redis::PreflightFinding| match found.level {
        FindingLevel::Good => Finding::new("redis", Ok(found.text)),
        FindingLevel::Doubtful => Finding::new("redis", Ok(format!("note: {}", found.text))),
        FindingLevel::Bad => Finding::new("redis", Err(found.text)),
    };
    found.map(finding).collect()
}

fn disk(config: &Config) -> Result<String, String> {
    let path = &config.store.path;
    let space = DiskSpace::of(path)
        .map_err(|error| format!("the free space of {} is unknown: {error}", path.display()))?;
    let text = space.describe(path);
    if space.is_scarce() { Err(format!("only {text}: free some space")) } else { Ok(text) }
}

/// Checks the broker; `None` if the queue is in memory.
async fn queue(config: &Config) -> Option<Finding> {
    let broker = Broker::new(config.amqp.url()?, "check");
    let count = async {
        let letters = AmqpDeadLetters::open(&broker, &Topology::of(config)).await?;
        letters.count().await
    };
    let outcome = count.await.map(|count| format!("{} can be used; {count} dead letters", broker.address()));
    Some(Finding::new("queue", outcome.map_err(|error| error.to_string())))
}

async fn github(config: &Config) -> Vec<Finding> {
    let clock = Clock::system();
    let meter: Arc<dyn RequestMeter> = Arc::new(NoMeter);
    let mut findings = Vec::new();
    for org in &config.github.orgs {
        let outcome = match organisation(config, org, &clock, &meter) {
            Ok(organisation) => {
                organisation.source.list().await.map_err(|error: SourceError| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let outcome =
            outcome.map(|listing| format!("{} repositories can be listed", listing.repositories.len()));
        findings.push(Finding::new(format!("github {}", org.org), outcome));
    }
    findings.push(Finding::new("clock", skew(&clock, config.github.orgs.is_empty())));
    findings
}

fn skew(clock: &Clock, unknown: bool) -> Result<String, String> {
    let off = clock.correction_ms();
    let seconds = off as f64 / 1000.0;
    match off.abs() {
        _ if unknown => Ok("not compared: no organisation is configured".into()),
        0..SKEW_LIMIT_MS => Ok(format!("{seconds:+.1} s against GitHub's")),
        _ => Err(format!(
            "this machine's clock differs from GitHub's by {seconds:+.1} s; synchronise it, for example with NTP"
        )),
    }
}

fn print(findings: &[Finding], json: bool) {
    if json {
        println!("{}", serde_json::json!({ "ok": findings.iter().all(|f| f.ok), "checks": findings }));
        return;
    }
    for finding in findings {
        println!("{:4} {}: {}", if finding.ok { "ok" } else { "FAIL" }, finding.check, finding.detail);
    }
}

//! `github-stats serve`: runs a replica.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use github_stats_actors::clock::Clock;

use super::command_error::CommandError;
use crate::config::{Config, Environment, InitialRole, Overrides, load};
use crate::election::{ElectionContext, electors};
use crate::runtime::{Service, ServiceSettings, Stores, open_stores};
use crate::telemetry::{self, LogFormat, Otel, OtelError, OtelSettings};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration file. Without it, the built-in defaults apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// An organisation to collect, with the token in GITHUB_TOKEN. Can be repeated.
    #[arg(long, value_name = "ORG")]
    org: Vec<String>,

    /// The address to listen on, such as 127.0.0.1:8080 or :8080.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

pub fn run(args: ServeArgs, format: LogFormat) -> Result<ExitCode, CommandError> {
    let env = Environment::of_process();
    let overrides = Overrides { orgs: args.org, listen: args.listen };
    let loaded = load(args.config.as_deref(), &env, &overrides)?;
    loaded.config.check_secrets()?;
    let initial_role = InitialRole::of(&env)?;
    let replica = loaded.config.replica_id(&env, &hostname());
    let otel = otel(&loaded.config, &replica, &env).map_err(anyhow::Error::from)?;
    telemetry::init(format, loaded.config.server.log_level.as_str(), otel.as_ref())
        .map_err(anyhow::Error::from)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    run_service(loaded.config, &env, initial_role, otel)
}

/// Starts the export of traces and metrics; `None` if none is configured.
fn otel(config: &Config, replica: &str, env: &Environment) -> Result<Option<Otel>, OtelError> {
    let settings = OtelSettings::of(&config.telemetry, replica, env)?;
    settings.as_ref().map(Otel::start).transpose()
}

/// Runs a replica on its configured store until it is stopped or fails.
pub fn run_service(
    config: Config,
    env: &Environment,
    initial_role: InitialRole,
    otel: Option<Otel>,
) -> Result<ExitCode, CommandError> {
    let system = actix_rt::System::new();
    system.block_on(async {
        let stores = open_stores(&config).await.map_err(anyhow::Error::from)?;
        run_on(stores, config, env, initial_role, Clock::system(), otel).await
    })
}

/// Runs a replica on these stores until it is stopped or fails.
pub async fn run_on(
    stores: Stores,
    config: Config,
    env: &Environment,
    initial_role: InitialRole,
    clock: Arc<Clock>,
    otel: Option<Otel>,
) -> Result<ExitCode, CommandError> {
    let replica = config.replica_id(env, &hostname());
    let context = ElectionContext { replica: &replica, initial_role, env, redis: stores.redis.clone() };
    let settings = ServiceSettings {
        electors: electors(&config, context),
        replica,
        chaos: env.get("GITHUB_STATS_CHAOS") == Some("1"),
        stores,
        clock,
        config,
        otel,
    };
    let service = Service::start(settings).await.context("cannot start")?;
    Ok(ExitCode::from(service.run().await))
}

/// The machine's name as the kernel reports it.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

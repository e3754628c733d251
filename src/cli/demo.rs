//! `github-stats demo`: a simulated, busy organisation in this process.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use github_sim::{BusyWorld, GithubWorld, Options, Simulator, generate_busy_world};
use github_stats_actors::clock::Clock;

use super::command_error::CommandError;
use super::fill::{churn, filled};
use super::serve::{run_on, run_service};
use crate::config::{Config, Environment, HttpUrl, InitialRole, ListenAddr, OrgConfig, Secret, StoreBackend};
use crate::runtime::Stores;
use crate::telemetry::{self, LogFormat};

/// The demo's organisation.
const ORG: &str = "octo-demo";
/// The token the simulator accepts.
const TOKEN: &str = "demo";
/// The scrape interval: short enough to watch the numbers change.
const INTERVAL: Duration = Duration::from_secs(2);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,

    /// The seed of the simulated organisation; the same seed makes the same one.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Fill the store with about N activity series instead, to size Prometheus or to measure a
    /// scrape.
    #[arg(long, value_name = "N")]
    series: Option<usize>,

    /// Keep writing F facts per second, spread over the series, to measure the cost of changes.
    #[arg(long, value_name = "F", requires = "series", default_value_t = 0)]
    facts_per_second: usize,
}

pub fn run(args: DemoArgs, format: LogFormat) -> Result<ExitCode, CommandError> {
    let listen = ListenAddr::parse(&args.listen).with_context(|| {
        format!("--listen \"{}\" is not an address such as 127.0.0.1:8080 or :8080", args.listen)
    })?;
    let mut config = Config::default();
    config.server.listen_addr = listen.clone();
    config.server.shutdown_grace = Duration::from_secs(5);
    config.store.backend = StoreBackend::Memory;
    telemetry::init(format, config.server.log_level.as_str(), None).map_err(anyhow::Error::from)?;
    let env = Environment::of_process();
    if let Some(series) = args.series {
        println!("about {series} activity series on http://{listen}/metrics; stop it with Ctrl-C");
        return run_filled(config, &env, series, args.facts_per_second);
    }
    let simulator = start_simulator(args.seed)?;
    point_at(&mut config, &simulator)?;
    println!("a simulated organisation is served on http://{listen}/metrics; stop it with Ctrl-C");
    run_service(config, &env, InitialRole::Leader, None)
}

fn run_filled(
    mut config: Config,
    env: &Environment,
    series: usize,
    facts_per_second: usize,
) -> Result<ExitCode, CommandError> {
    // The budget must not hide the requested series, whose number is rounded up to whole
    // repositories.
    config.store.max_series_budget = config.store.max_series_budget.max(2 * series as u64);
    let clock = Clock::system();
    actix_rt::System::new().block_on(async {
        let store = filled(series, clock.now()).await.map_err(anyhow::Error::from)?;
        if facts_per_second > 0 {
            actix_rt::spawn(churn(store.clone(), series, facts_per_second, clock.clone()));
        }
        run_on(Stores::with_facts(store), config, env, InitialRole::Leader, clock.clone(), None).await
    })
}

/// Starts a simulator whose organisation was active up to the simulator's current time.
fn start_simulator(seed: u64) -> Result<Simulator, anyhow::Error> {
    let options = Options::with_token(TOKEN).without_secondary_limits();
    let simulator = Simulator::start(GithubWorld::new(), options).context("the simulator cannot start")?;
    let busy_world = BusyWorld { seed, org: ORG.to_owned(), ..BusyWorld::default() };
    let now = simulator.now();
    simulator.edit(|world| *world = generate_busy_world(busy_world, now));
    Ok(simulator)
}

fn point_at(config: &mut Config, simulator: &Simulator) -> Result<(), anyhow::Error> {
    config.github.api_base_url =
        HttpUrl::parse(simulator.url()).context("the simulator's address is not a URL")?;
    config.github.orgs =
        vec![OrgConfig { token: Secret::new(TOKEN), scrape_interval: INTERVAL, ..OrgConfig::named(ORG) }];
    Ok(())
}

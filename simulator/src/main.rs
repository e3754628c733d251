//! The simulator as a separate process, for tests driven from a shell.

use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use github_sim::{App, BusyWorld, GithubWorld, Installation, LargeWorld, Options, Simulator, Token};
use jiff::Timestamp;

/// Points per hour that are never used up.
const UNLIMITED: u32 = 10_000_000;

/// Serves a simulated GitHub.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Login of the organisation
    #[arg(long, default_value = "acme")]
    org: String,
    /// Seed of the generated world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of repositories of the generated world
    #[arg(long, default_value_t = 8)]
    repos: usize,
    /// Generate a large world, of whose repositories 2% change every five minutes
    #[arg(long)]
    scale: bool,
    /// Recorded histories (JSON lines, or .gz of them) to serve instead of a generated world
    #[arg(long, num_args = 1.., conflicts_with_all = ["seed", "scale"])]
    history: Vec<PathBuf>,
    /// Events per minute in a generated world from now on; the number generated ahead is the same
    /// at any pace
    #[arg(long, default_value_t = BusyWorld::default().future_events_per_minute)]
    events_per_minute: f64,
    /// Never delete comments in the generated world: a collector notices that only when it reads
    /// old comments again
    #[arg(long)]
    keep_comments: bool,
    /// Disable primary and secondary limits
    #[arg(long)]
    unlimited: bool,
    /// Date of the newest commit of a history, in seconds after the start; negative for before the
    /// start
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    newest_in: i64,
    /// A token to accept; can be repeated
    #[arg(long, default_value = "sim-token")]
    token: Vec<String>,
    /// Public key (RSA, PEM) of a GitHub App that is installed in the organisation
    #[arg(long)]
    app_key: Option<PathBuf>,
    /// The app's id
    #[arg(long, default_value_t = 1)]
    app_id: u64,
    /// The id of its installation
    #[arg(long, default_value_t = 1)]
    installation_id: u64,
    /// Start time of the clock, such as 2026-01-01T00:00:00Z; the machine's time by default
    #[arg(long)]
    start: Option<Timestamp>,
    /// Freeze the clock until it is advanced
    #[arg(long)]
    frozen: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let options = options(&arguments)?;
    let simulator = Simulator::start(GithubWorld::new(), options)?;
    let world = world(&arguments, simulator.now())?;
    simulator.edit(|empty| *empty = world);
    println!("github-sim listening on {}", simulator.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(())
}

fn options(arguments: &Arguments) -> io::Result<Options> {
    let token = |secret: &String| match arguments.unlimited {
        true => Token::new(secret).hourly_limit(UNLIMITED),
        false => Token::new(secret),
    };
    let options = Options {
        listen: arguments.listen,
        start: arguments.start,
        frozen: arguments.frozen,
        app: app(arguments)?,
        tokens: arguments.token.iter().map(token).collect(),
        ..Options::default()
    };
    Ok(if arguments.unlimited { options.without_secondary_limits() } else { options })
}

fn app(arguments: &Arguments) -> io::Result<Option<App>> {
    let key = arguments.app_key.as_ref().map(fs::read_to_string).transpose()?;
    let installation = || Installation::new(arguments.installation_id, &arguments.org);
    Ok(key.map(|key| App::new(arguments.app_id, &key).installed(installation())))
}

fn busy_world(arguments: &Arguments) -> BusyWorld {
    let usual = BusyWorld::default();
    BusyWorld {
        seed: arguments.seed,
        org: arguments.org.clone(),
        repos: arguments.repos,
        deletions: !arguments.keep_comments,
        future: usual.future.mul_f64(usual.future_events_per_minute / arguments.events_per_minute.max(1.0)),
        future_events_per_minute: arguments.events_per_minute,
        ..usual
    }
}

fn world(arguments: &Arguments, now: Timestamp) -> Result<GithubWorld, Box<dyn Error>> {
    if arguments.scale {
        let (org, repos) = (arguments.org.clone(), arguments.repos);
        return Ok(github_sim::generate_large_world(
            &LargeWorld { seed: arguments.seed, org, repos, ..LargeWorld::default() },
            now,
        ));
    }
    if arguments.history.is_empty() {
        return Ok(github_sim::generate_busy_world(busy_world(arguments), now));
    }
    let newest_at = now + jiff::SignedDuration::from_secs(arguments.newest_in);
    Ok(github_sim::from_histories(&arguments.org, &arguments.history, newest_at)?)
}

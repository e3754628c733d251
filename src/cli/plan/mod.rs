//! `github-stats plan`: what collecting will cost, before it is begun.

mod estimate;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use github_stats_actors::activity::DAY;
use github_stats_actors::clock::Clock;
use github_stats_actors::source::{Listing, SourceError};

use self::estimate::{CostEstimate, OrganisationSize};
use super::command_error::CommandError;
use crate::config::{Config, Environment, OrgConfig, Overrides, load};
use crate::github::quota::{ApiResource, BudgetState};
use crate::github::{RateLimit, RequestMeter};
use crate::runtime::organisation;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// The configuration file. Without it, the built-in defaults apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(args: PlanArgs) -> Result<ExitCode, CommandError> {
    let loaded = load(args.config.as_deref(), &Environment::of_process(), &Overrides::default())?;
    let system = actix_rt::System::new();
    let fits = system.block_on(plan(&loaded.config));
    Ok(ExitCode::from(u8::from(!fits)))
}

/// Prints a paragraph an organisation; whether all of them fit.
async fn plan(config: &Config) -> bool {
    let clock = Clock::system();
    let mut fits = true;
    for org in &config.github.orgs {
        let limits = Arc::new(Limits::default());
        let meter: Arc<dyn RequestMeter> = limits.clone();
        let listed = match organisation(config, org, &clock, &meter) {
            Ok(made) => {
                let listed = made.source.list().await.map_err(|error: SourceError| error.to_string());
                // Listing finds out whether the server has GraphQL, which tells lines with commits.
                listed.map(|listing| (listing, made.source.includes_loc()))
            }
            Err(error) => Err(error.to_string()),
        };
        match listed {
            Ok((listing, graphql)) => fits &= tell(config, org, &listing, graphql, &limits),
            Err(error) => {
                println!("{}: cannot be listed: {error}", org.org);
                fits = false;
            }
        }
    }
    fits
}

fn tell(config: &Config, org: &OrgConfig, listing: &Listing, graphql: bool, limits: &Limits) -> bool {
    let window = i64::try_from(config.metrics.active_window.as_secs()).unwrap_or(i64::MAX / 8);
    let pushed_within = |seconds: i64| {
        let since = listing.observed_at - seconds;
        listing
            .repositories
            .iter()
            .filter(|repository| repository.pushed_at.is_some_and(|at| at >= since))
            .count()
    };
    let size = OrganisationSize {
        repositories: listing.repositories.len(),
        pushed_today: pushed_within(DAY),
        active: pushed_within(window),
        interval: org.scrape_interval,
        graphql,
    };
    let estimate = size.estimate();
    let (resource, wanted) = match graphql {
        true => (ApiResource::Graphql, estimate.graphql_points),
        false => (ApiResource::Core, estimate.core_points),
    };
    let limit = limits.of(resource);
    let usable = limit.map(|limit| usable(limit, config, org));
    println!("{}", paragraph(org, &size, &estimate));
    match usable {
        None => println!("  quota: unknown, the server tells no limit"),
        Some(usable) if wanted <= usable => {
            println!("  quota: fits, {wanted} of {usable} usable {} points an hour", resource.as_str());
        }
        Some(usable) => println!(
            "  quota: does not fit, {wanted} of {usable} usable {} points an hour; {}",
            resource.as_str(),
            if graphql { "use a longer scrape_interval" } else { "use a token, or a longer scrape_interval" },
        ),
    }
    usable.is_none_or(|usable| wanted <= usable)
}

fn paragraph(org: &OrgConfig, size: &OrganisationSize, estimate: &CostEstimate) -> String {
    let CostEstimate { graphql_points, core_points, first_scrape, series, bytes } = estimate;
    let megabytes = *bytes as f64 / 1e6;
    format!(
        "{}: {} repositories, {} pushed to today, a cycle every {} s\n  \
         first scrape: about {first_scrape} points\n  \
         then: about {graphql_points} graphql and {core_points} core points an hour\n  \
         series: about {series}, {megabytes:.1} MB of memory",
        org.org,
        size.repositories,
        size.pushed_today,
        size.interval.as_secs(),
    )
}

/// What of a limit may be spent.
fn usable(limit: u64, config: &Config, org: &OrgConfig) -> u64 {
    let kept_back = u64::from(config.rate_limit.min_remaining_threshold).min(limit / 10);
    let cap = u64::from(org.max_api_points_per_hour);
    let granted = limit - kept_back;
    if cap > 0 { granted.min(cap) } else { granted }
}

/// Remembers the limits that answers told.
#[derive(Default)]
struct Limits(Mutex<Vec<(ApiResource, u64)>>);

impl Limits {
    fn of(&self, resource: ApiResource) -> Option<u64> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().rev().find(|(of, limit)| *of == resource && *limit > 0).map(|(_, limit)| *limit)
    }
}

impl RequestMeter for Limits {
    fn request(&self, _: &str, _: &str, _: &str, _: Duration) {}
    fn rate_limit(&self, _: &str, _: &str, _: RateLimit) {}
    fn secondary_limit(&self, _: &str) {}

    fn budget(&self, _: &str, resource: ApiResource, state: BudgetState) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((resource, state.limit));
    }
}

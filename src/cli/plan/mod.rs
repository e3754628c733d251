//! `github-stats plan`: what collecting will cost, before it is begun.

mod estimate;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use github_stats_actors::activity::DAY;
use github_stats_actors::clock::Clock;
use github_stats_actors::source::{Listing, SourceError};

use self::estimate::{CostEstimate, OrganisationSize};
use super::command_error::CommandError;
use crate::config::{Config, Environment, OrgConfig, Overrides, load};
use crate::github::quota::ApiResource;
use crate::github::{NoMeter, RequestMeter};
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

/// Prints a paragraph per organisation; returns whether the rate limits suffice for all of them.
async fn plan(config: &Config) -> bool {
    let clock = Clock::system();
    let mut fits = true;
    for org in &config.github.orgs {
        match list(config, org, &clock).await {
            Ok(listed) => fits &= print_plan(config, org, &listed),
            Err(error) => {
                println!("{}: cannot be listed: {error}", org.org);
                fits = false;
            }
        }
    }
    fits
}

/// What listing the repositories of an organisation has found out.
struct ListedOrganisation {
    listing: Listing,
    /// Whether the server supports GraphQL.
    graphql: bool,
    /// The API that will be used most.
    resource: ApiResource,
    /// Points per hour that GitHub grants for it; `None` if the responses did not name them.
    limit: Option<u64>,
}

async fn list(config: &Config, org: &OrgConfig, clock: &Arc<Clock>) -> Result<ListedOrganisation, String> {
    let meter: Arc<dyn RequestMeter> = Arc::new(NoMeter);
    let organisation = organisation(config, org, clock, &meter).map_err(|error| error.to_string())?;
    let listing = organisation.source.list().await.map_err(|error: SourceError| error.to_string())?;
    // Listing detects whether the server supports GraphQL, which returns lines of code with
    // commits.
    let graphql = organisation.source.includes_loc();
    let resource = if graphql { ApiResource::Graphql } else { ApiResource::Core };
    let limit = organisation.rate_limiter.known_limit(resource);
    Ok(ListedOrganisation { listing, graphql, resource, limit })
}

/// Prints the estimated cost of an organisation; returns whether its rate limit suffices.
fn print_plan(config: &Config, org: &OrgConfig, listed: &ListedOrganisation) -> bool {
    let ListedOrganisation { listing, graphql, resource, limit } = listed;
    let (graphql, resource) = (*graphql, *resource);
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
    let wanted = if graphql { estimate.graphql_points } else { estimate.core_points };
    let usable = limit.map(|limit| usable(limit, config, org));
    println!("{}", paragraph(org, &size, &estimate));
    match usable {
        None => println!("  quota: unknown, the server reports no limit"),
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

/// The part of a limit that may be spent, in points per hour.
fn usable(limit: u64, config: &Config, org: &OrgConfig) -> u64 {
    let kept_back = u64::from(config.rate_limit.min_remaining_threshold).min(limit / 10);
    let cap = u64::from(org.max_api_points_per_hour);
    let granted = limit - kept_back;
    if cap > 0 { granted.min(cap) } else { granted }
}

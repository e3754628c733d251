//! Simulators, the worlds that they serve, and configurations that collect from them.

use github_sim::{BusyWorld, GithubWorld, Options, Simulator, Token, populate_busy_world};

/// A simulator without effective rate limits: these tests are about correctness, not about quota.
pub fn simulator(world: impl FnOnce(jiff::Timestamp) -> GithubWorld) -> Simulator {
    let options =
        Options { tokens: vec![Token::new("secret").hourly_limit(10_000_000)], ..Options::default() };
    let simulator =
        Simulator::start(GithubWorld::new(), options.without_secondary_limits()).expect("a simulator");
    let now = simulator.now();
    let made = world(now);
    simulator.edit(|world| *world = made);
    simulator
}

/// A world with one busy organisation.
pub fn busy_world(org: &str) -> impl FnOnce(jiff::Timestamp) -> GithubWorld {
    busy_worlds(&[org])
}

/// A world with several busy organisations.
pub fn busy_worlds(orgs: &[&str]) -> impl FnOnce(jiff::Timestamp) -> GithubWorld + use<> {
    // A deleted comment is noticed only when comments are read again, which this source does not
    // do.
    let busy_world = |(seed, org): (u64, &&str)| BusyWorld {
        seed,
        org: (*org).to_owned(),
        repos: 4,
        deletions: false,
        ..BusyWorld::default()
    };
    let orgs: Vec<BusyWorld> = (7..).zip(orgs).map(busy_world).collect();
    move |now| {
        let mut world = GithubWorld::new();
        orgs.into_iter().for_each(|busy_world| populate_busy_world(&mut world, busy_world, now));
        world
    }
}

/// A configuration that collects an organisation from the simulator, with short intervals and
/// retries.
pub fn config(simulator: &Simulator, org: &str) -> String {
    format!(
        "server: {{shutdown_grace: 5s}}\n\
         github:\n  api_base_url: {}\n  request_timeout: 5s\n  unhealthy_cooldown: 5s\n  orgs: [{{org: {org}, token: secret, scrape_interval: 500ms}}]\n\
         retry: {{max_attempts: 2, initial_backoff: 50ms, max_backoff: 100ms}}\n\
         backfill: {{requeue_delays: [1s, 2s, 5s]}}\n",
        simulator.url()
    )
}

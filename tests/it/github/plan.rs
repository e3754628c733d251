//! `github-stats plan` against the simulator.

use std::process::Command;

use github_sim::{LargeWorld, Simulator, generate_large_world};

use super::fixture::{ORG, TOKEN, options, simulator};
use crate::support::binary;

fn plan(simulator: &Simulator, api: &str, interval: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.yaml");
    let text = format!(
        "github: {{api_base_url: {}, api: {api}, orgs: [{{org: {ORG}, token: {TOKEN}, scrape_interval: {interval}}}]}}\n",
        simulator.url()
    );
    std::fs::write(&file, text).expect("a configuration file");
    let output = Command::new(binary())
        .args(["plan", "--config"])
        .arg(&file)
        .env_remove("GITHUB_TOKEN")
        .output()
        .expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_plan_states_the_cost_and_whether_it_fits_the_quota() {
    let made = LargeWorld { org: ORG.to_owned(), repos: 250, ..LargeWorld::default() };
    let simulator = simulator(options(5_000), |now| generate_large_world(&made, now));
    let (code, printed) = plan(&simulator, "auto", "5m");
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("acme: 250 repositories") && printed.contains("4800 usable graphql points"),
        "{printed}"
    );
    assert_eq!(simulator.requests().len(), 3, "it only lists repositories");
    let (code, printed) = plan(&simulator, "rest", "1m");
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("does not fit"), "{printed}");
}

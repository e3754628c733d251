//! `github-stats plan` against the simulator.

use std::process::Command;

use github_sim::{Scale, Simulator, scale};

use super::stage::{ORG, TOKEN, options, simulator};
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
fn a_plan_says_what_it_costs_and_whether_that_fits() {
    let made = Scale { org: ORG.to_owned(), repos: 250, ..Scale::default() };
    let simulator = simulator(options(5_000), |now| scale(&made, now));
    let (code, said) = plan(&simulator, "auto", "5m");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("acme: 250 repositories") && said.contains("4800 usable graphql points"), "{said}");
    assert_eq!(simulator.requests().len(), 3, "a listing is all it asks for");
    let (code, said) = plan(&simulator, "rest", "1m");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not fit"), "{said}");
}

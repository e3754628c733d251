//! Errors of the command line: one clear sentence and the right exit code.

use std::path::Path;
use std::process::{Command, Output};

use github_sim::{GithubWorld, Options, Simulator};
use tempfile::TempDir;

use crate::support::binary;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder).env_remove("GITHUB_TOKEN").env_remove("RUST_LOG");
    command.output().expect("the binary runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A temporary folder with this configuration.
fn with_config(text: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("config.yaml"), text).expect("a file");
    folder
}

fn simulated_org(world: &mut GithubWorld) {
    world.org("acme").create_repo("api", jiff::Timestamp::UNIX_EPOCH);
}

fn simulator() -> Simulator {
    let mut world = GithubWorld::new();
    simulated_org(&mut world);
    Simulator::start(world, Options::with_token("secret")).expect("a simulator")
}

#[test]
fn a_misspelt_key_is_reported_with_its_line_and_a_suggestion() {
    let folder = with_config("server:\n  log_level: info\nmetrics:\n  active_windw: 3d\n");
    let output = run(folder.path(), &["serve", "--config", "config.yaml"]);
    let printed = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{printed}");
    assert_eq!(printed.lines().count(), 1, "{printed}");
    for part in ["config.yaml:4", "active_windw", "active_window"] {
        assert!(printed.contains(part), "{part} is missing: {printed}");
    }
}

#[test]
fn broken_yaml_and_a_missing_file_are_configuration_errors() {
    let folder = with_config("server: [1, 2\nmetrics: {");
    for file in ["config.yaml", "absent.yaml"] {
        let output = run(folder.path(), &["serve", "--config", file]);
        let printed = stderr(&output);
        assert_eq!(output.status.code(), Some(64), "{printed}");
        assert!(printed.contains(file) && printed.lines().count() == 1, "{printed}");
    }
}

#[test]
fn wrong_usage_exits_with_code_2() {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(run(folder.path(), &["serv"]).status.code(), Some(2));
    assert_eq!(run(folder.path(), &["serve", "--no-such-flag"]).status.code(), Some(2));
    assert_eq!(run(folder.path(), &["--help"]).status.code(), Some(0));
    assert!(stdout(&run(folder.path(), &["--version"])).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_store_that_cannot_be_opened_is_reported_with_its_path() {
    let folder =
        with_config("store: {path: ./taken/by/a/file}\ngithub: {orgs: [{org: acme, token: secret}]}\n");
    std::fs::write(folder.path().join("taken"), "a file where a folder should be").expect("a file");
    let output = run(folder.path(), &["serve", "--config", "config.yaml", "--listen", "127.0.0.1:0"]);
    let printed = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("taken"), "{printed}");
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.starts_with("github-stats: "), "{printed}");
}

#[test]
fn an_address_in_use_is_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = with_config("store: {backend: memory}\n");
    let output = run(folder.path(), &["serve", "--config", "config.yaml", "--listen", &address]);
    let printed = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains(&address), "{printed}");
}

#[test]
fn check_distinguishes_a_wrong_token_from_a_wrong_organisation() {
    let simulator = simulator();
    let check = |org: &str, token: &str| {
        let folder = with_config(&format!(
            "github: {{api_base_url: \"{}\", orgs: [{{org: {org}, token: {token}}}]}}\n",
            simulator.url()
        ));
        let output = run(folder.path(), &["check", "--config", "config.yaml"]);
        (output.status.code(), stdout(&output))
    };
    let (code, printed) = check("acme", "secret");
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("1 repositories can be listed"), "{printed}");
    let (code, printed) = check("acme", "wrong");
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("FAIL github acme") && printed.contains("token"), "{printed}");
    assert!(!printed.contains("wrong"), "the token itself is never shown: {printed}");
    let (code, printed) = check("nobody", "secret");
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("FAIL github nobody") && printed.contains("there is no account \"nobody\""),
        "{printed}"
    );
}

#[test]
fn check_prints_json_on_request() {
    let folder = with_config("store: {backend: memory}\n");
    let output = run(folder.path(), &["check", "--config", "config.yaml", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["checks"].as_array().is_some_and(|checks| checks.len() >= 3), "{report}");
}

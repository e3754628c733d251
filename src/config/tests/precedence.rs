//! Flags over environment over file over defaults.

use std::time::Duration;

use super::super::{Config, Environment, GithubCredentials, Overrides, SecretSource, load};
use super::{config, load_with, rejection};

const FILE: &str = "server: {listen_addr: \":1\", log_level: warn}\n";

fn token_of(config: &Config, org: usize) -> Option<String> {
    match config.github.orgs[org].credentials() {
        GithubCredentials::Token(source) => {
            Some(source.read_blocking().expect("readable").expose().to_owned())
        }
        _ => None,
    }
}

#[test]
fn each_source_overrides_the_next() {
    let port = |yaml, variables: &[(&str, &str)], listen: Option<&str>| {
        let overrides = Overrides { listen: listen.map(str::to_owned), ..Overrides::default() };
        load_with(yaml, variables, &overrides).expect("loads").config.server.listen_addr.port
    };
    let variable = [("GITHUB_STATS__SERVER__LISTEN_ADDR", ":2")];
    assert_eq!(port("", &[], None), 8080);
    assert_eq!(port(FILE, &[], None), 1);
    assert_eq!(port(FILE, &variable, None), 2);
    assert_eq!(port(FILE, &variable, Some(":3")), 3);
}

#[test]
fn without_a_file_the_defaults_apply() {
    let loaded = load(None, &Environment::default(), &Overrides::default()).expect("loads");
    assert_eq!(loaded.config, Config::default());
}

#[test]
fn organisations_of_the_flags_need_no_file() {
    let orgs = ["acme", "globex, initech", "ACME"].map(str::to_owned).to_vec();
    let env = Environment::from_iter([("GITHUB_TOKEN", " ghp_1\n")]);
    let overrides = Overrides { orgs, ..Overrides::default() };
    let config = load(None, &env, &overrides).expect("loads").config;
    let names: Vec<_> = config.github.orgs.iter().map(|org| org.org.as_str()).collect();
    assert_eq!(names, ["acme", "globex", "initech"]);
    assert_eq!(token_of(&config, 1).as_deref(), Some("ghp_1"));
}

#[test]
fn organisations_of_the_flags_keep_their_settings_from_the_file() {
    let yaml = "github: {orgs: [{org: acme, scrape_interval: 1m}, {org: globex}]}\n";
    let overrides = Overrides { orgs: vec!["Acme,new".to_owned()], ..Overrides::default() };
    let config = load_with(yaml, &[], &overrides).expect("loads").config;
    assert_eq!(config.github.orgs.len(), 2);
    assert_eq!(config.github.orgs[0].scrape_interval, Duration::from_secs(60));
    assert_eq!(config.github.orgs[1].org, "new");
}

#[test]
fn variables_are_decoded_by_the_type_of_their_key() {
    let config = config(
        "",
        &[
            ("GITHUB_STATS__GITHUB__ORGS__0__ORG", "12345"),
            ("GITHUB_STATS__GITHUB__ORGS__0__TOKEN", "0123"),
            ("GITHUB_STATS__GITHUB__ORGS__0__REPO_DENYLIST", "a-*, b"),
            ("GITHUB_STATS__BACKFILL__REQUEUE_DELAYS", "[1m, 5m]"),
            ("GITHUB_STATS__IDENTITY__ALIASES", "{\"old\": \"new\"}"),
            ("GITHUB_STATS__RETRY__JITTER", "False"),
            ("GITHUB_STATS__TELEMETRY__OTEL_TRACE_MODE", "off"),
            ("GITHUB_STATS__HEALTH", "{github_probe_interval: 1m}"),
            ("GITHUB_STATS_SERVICE_HOST", "10.0.0.1"),
        ],
    );
    let org = &config.github.orgs[0];
    assert_eq!((org.org.as_str(), token_of(&config, 0).as_deref()), ("12345", Some("0123")));
    assert!(org.selects("c") && !org.selects("a-1") && !org.selects("b"));
    assert_eq!(config.backfill.requeue_delays, [60, 300].map(Duration::from_secs));
    assert_eq!(config.identity.aliases["old"], "new");
    assert!(!config.retry.jitter);
    assert_eq!(config.health.github_probe_interval, Duration::from_secs(60));
}

#[test]
fn variables_address_list_items_by_index() {
    let yaml = "github:\n  orgs:\n    - {org: acme}\n    - {org: globex}\n";
    let numbered: Vec<(String, String)> =
        (2..12).map(|i| (format!("GITHUB_STATS__GITHUB__ORGS__{i}__ORG"), format!("org{i}"))).collect();
    let mut variables: Vec<(&str, &str)> =
        numbered.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.push(("GITHUB_STATS__GITHUB__ORGS__1__TOKEN", "t"));
    let config = config(yaml, &variables);
    assert_eq!(config.github.orgs.len(), 12);
    assert_eq!(token_of(&config, 1).as_deref(), Some("t"));
    assert_eq!(config.github.orgs[11].org, "org11");
}

#[test]
fn variables_may_set_a_whole_list_and_parts_of_it() {
    let config = config(
        "github: {orgs: [{org: acme}]}\n",
        &[
            ("GITHUB_STATS__GITHUB__ORGS", "[{\"org\": \"globex\"}]"),
            ("GITHUB_STATS__GITHUB__ORGS__0__TOKEN", "t"),
        ],
    );
    assert_eq!(config.github.orgs.len(), 1);
    assert_eq!((config.github.orgs[0].org.as_str(), token_of(&config, 0).as_deref()), ("globex", Some("t")));
}

#[test]
fn errors_name_the_variable() {
    for (name, value, message) in [
        (
            "GITHUB_STATS__STORE__RETENTON",
            "1d",
            "GITHUB_STATS__STORE__RETENTON: unknown key \"store.retenton\"; did you mean GITHUB_STATS__STORE__RETENTION?",
        ),
        (
            "GITHUB_STATS__STROE__PATH",
            "x",
            "GITHUB_STATS__STROE__PATH: unknown key \"stroe\"; did you mean GITHUB_STATS__STORE?",
        ),
        (
            "GITHUB_STATS__RETRY__JITTER",
            "maybe",
            "GITHUB_STATS__RETRY__JITTER: retry.jitter must be true or false (without quotes), but is \"maybe\"",
        ),
        (
            "GITHUB_STATS__GITHUB__ORGS__3__ORG",
            "x",
            "GITHUB_STATS__GITHUB__ORGS__3__ORG: github.orgs has 0 items, so the next one is number 0, not 3",
        ),
        (
            "GITHUB_STATS__LEADER_ELECTION__RENEW_DEADLINE",
            "1h",
            "GITHUB_STATS__LEADER_ELECTION__RENEW_DEADLINE: leader_election.renew_deadline (1h) must be shorter than leader_election.lease_duration (15s)",
        ),
    ] {
        assert_eq!(rejection("", &[(name, value)]), message);
    }
}

#[test]
fn errors_name_the_flag() {
    let overrides = Overrides { listen: Some("nowhere".to_owned()), ..Overrides::default() };
    let error = load(None, &Environment::default(), &overrides).expect_err("rejected");
    assert!(error.to_string().starts_with("--listen: server.listen_addr must be an address"), "{error}");
    let overrides = Overrides { orgs: vec!["a b".to_owned()], ..Overrides::default() };
    let error = load(None, &Environment::default(), &overrides).expect_err("rejected");
    assert!(error.to_string().starts_with("--org: github.orgs[0].org must be"), "{error}");
}

#[test]
fn a_secret_in_the_environment_replaces_the_one_in_the_file() {
    let config = config(
        "server: {admin_token_file: /run/token}\namqp: {url: \"amqp://h\"}\n",
        &[("GITHUB_STATS__SERVER__ADMIN_TOKEN", "t"), ("GITHUB_STATS__AMQP__URL_FILE", "/run/url")],
    );
    assert!(matches!(config.server.admin_token(), Some(SecretSource::Inline(_))));
    assert!(matches!(config.amqp.url(), Some(SecretSource::File(_))));
}

#[test]
fn the_default_token_is_used_only_without_other_credentials() {
    let yaml = "github:\n  orgs:\n    - {org: a, token: own}\n    - {org: b}\n    - {org: c, app_id: 1, installation_id: 2, private_key_path: /k}\n";
    let config = config(yaml, &[("GITHUB_TOKEN", "shared")]);
    assert_eq!(token_of(&config, 0).as_deref(), Some("own"));
    assert_eq!(token_of(&config, 1).as_deref(), Some("shared"));
    assert!(matches!(config.github.orgs[2].credentials(), GithubCredentials::App { app_id: 1, .. }));
}

#[test]
fn a_key_without_a_value_keeps_its_default() {
    let loaded = config("metrics:\nserver:\n  listen_addr:\n  log_level: ~\n", &[]);
    assert_eq!(loaded, Config::default());
}

#[test]
fn default_windows_follow_a_shorter_retention() {
    let config = config("store: {retention: 3d}\n", &[]);
    let three_days = Duration::from_secs(3 * 86_400);
    assert_eq!((config.metrics.history, config.metrics.active_window), (three_days, three_days));
}

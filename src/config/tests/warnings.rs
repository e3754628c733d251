//! Configurations that are accepted with a warning.

use super::load_yaml;

fn warnings(yaml: &str) -> Vec<String> {
    let loaded = load_yaml(yaml, &[("GITHUB_TOKEN", "t")]).unwrap_or_else(|error| panic!("{error}"));
    loaded
        .warnings
        .iter()
        .map(|warning| {
            let text = warning.to_string();
            text.find("test.yaml").map_or(text.clone(), |start| text[start..].to_owned())
        })
        .collect()
}

const ACME: &str = "github: {orgs: [{org: acme}]}\n";

#[test]
fn a_complete_configuration_has_no_warnings() {
    assert_eq!(warnings(ACME), Vec::<String>::new());
}

#[test]
fn keys_of_the_go_exporter_are_explained() {
    let yaml = format!(
        "{ACME}metrics: {{topology: single_service_target, scrape_service_dns: \"x:1\"}}\nloc: {{source: stats_contributors}}\n\
         store: {{metric_refresh_interval: 30s, index_shards: 64, export_cache_mode: incremental}}\n\
         copilot:\n  enabled: true\n  enterprise: {{slug: acme}}\n",
    );
    let warnings = warnings(&yaml);
    assert_eq!(warnings.len(), 7, "{warnings:#?}");
    assert!(warnings[0].starts_with("test.yaml:2:11: metrics.topology: it has no effect"), "{}", warnings[0]);
    assert_eq!(
        warnings[6],
        "test.yaml:5:1: copilot: Copilot usage is not collected; the whole section is ignored",
    );
}

#[test]
fn unused_keys_are_reported() {
    let texts = warnings(&format!("{ACME}store: {{redis_addr: \"redis:6379\"}}\n"));
    assert_eq!(texts, ["test.yaml:2:9: store.redis_addr: it is not used, because store.backend is embedded"]);
    let texts = warnings("");
    assert_eq!(texts, ["github.orgs: no organisation is configured, so nothing will be collected"]);
}

#[test]
fn an_organisation_without_credentials_is_anonymous() {
    let loaded = load_yaml(ACME, &[]).expect("loads");
    let text = loaded.warnings[0].to_string();
    assert!(text.ends_with("acme has no credentials and GITHUB_TOKEN is not set: only public data is visible, at 60 requests per hour"), "{text}");
}

#[test]
fn a_variable_with_wrong_underscores_is_reported() {
    let variables = [
        ("GITHUB_TOKEN", "t"),
        ("GITHUB_STATS_STORE_RETENTION", "60d"),
        ("GITHUB_STATS_INITIAL_ROLE", "leader"),
        ("GITHUB_STATS_SERVICE_HOST", "10.0.0.1"),
    ];
    let loaded = load_yaml(ACME, &variables).expect("loads");
    let texts: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "GITHUB_STATS_STORE_RETENTION: store.retention: it has no effect under this name; the variable is GITHUB_STATS__STORE__RETENTION"
        ],
    );
}

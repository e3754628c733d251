//! Rejected configurations and their error messages.

use super::rejection;

#[test]
fn errors_about_unknown_keys_suggest_the_nearest_one() {
    for (yaml, message) in [
        (
            "github:\n  orgs:\n    - org: acme\n      scrape_intervall: 5m\n",
            "test.yaml:4:7: unknown key \"github.orgs[0].scrape_intervall\"; did you mean \"scrape_interval\"?",
        ),
        ("sever: {}\n", "test.yaml:1:1: unknown key \"sever\"; did you mean \"server\"?"),
        (
            "server: {listenAddr: \":80\"}\n",
            "test.yaml:1:10: unknown key \"server.listenAddr\"; did you mean \"listen_addr\"?",
        ),
        (
            "metrics:\n  redis_mode: cluster\n",
            "test.yaml:2:3: unknown key \"metrics.redis_mode\"; did you mean \"store.redis_mode\"?",
        ),
        (
            "health:\n  zebra:\n",
            "test.yaml:2:3: unknown key \"health.zebra\"; health takes github_probe_interval, github_recover_success_threshold",
        ),
    ] {
        assert_eq!(rejection(yaml, &[]), message);
    }
}

#[test]
fn errors_about_wrong_types_name_what_is_accepted() {
    for (yaml, message) in [
        (
            "retry: {max_backoff: 30}\n",
            "test.yaml:1:22: retry.max_backoff must be a duration with a unit, such as 250ms, 30s, 5m, 24h, 7d, 2w or 1h30m, but is 30",
        ),
        (
            "retry:\n  jitter: \"true\"\n",
            "test.yaml:2:11: retry.jitter must be true or false (without quotes), but is \"true\"",
        ),
        (
            "retry:\n  max_attempts: -1\n",
            "test.yaml:2:17: retry.max_attempts must be a whole number from 0 to 4294967295 (without quotes), but is -1",
        ),
        (
            "server: {listen_addr: 8080}\n",
            "test.yaml:1:23: server.listen_addr must be an address with a port, such as 0.0.0.0:8080, [::1]:8080 or :8080, but is 8080",
        ),
        (
            "leader_election:\n  backend: kubernets\n",
            "test.yaml:2:12: leader_election.backend must be one of auto, kubernetes, redis, static, but is \"kubernets\"; did you mean \"kubernetes\"?",
        ),
        (
            "github:\n  orgs: acme\n",
            "test.yaml:2:9: github.orgs must be a list of mappings, in brackets or with \"- \" before each, but is a single value",
        ),
        (
            "github:\n  orgs: [acme]\n",
            "test.yaml:2:10: github.orgs[0] must be a mapping of keys to values, but is a single value",
        ),
        ("server: 5\n", "test.yaml:1:9: server must be a mapping of keys to values, but is a single value"),
        ("- a\n", "test.yaml:1:1: the configuration must be a mapping of sections, but is a list"),
        (
            "github:\n  api_base_url: api.github.com\n",
            "test.yaml:2:17: github.api_base_url must be an http:// or https:// URL without user and query, such as https://api.github.com, but is \"api.github.com\"",
        ),
        (
            "backfill:\n  requeue_delays: [1m, soon]\n",
            "test.yaml:2:24: backfill.requeue_delays[1] must be a duration with a unit, such as 250ms, 30s, 5m, 24h, 7d, 2w or 1h30m, but is \"soon\"",
        ),
        (
            "github:\n  orgs:\n    - {org: a, repo_allowlist: [\"[x\"]}\n",
            "test.yaml:3:33: github.orgs[0].repo_allowlist[0] must be a repository name or glob such as api-*, but is \"[x\" (unclosed character class; missing ']')",
        ),
    ] {
        assert_eq!(rejection(yaml, &[]), message);
    }
}

#[test]
fn errors_about_invalid_values_name_the_line_that_set_them() {
    for (yaml, message) in [
        (
            "leader_election:\n  lease_duration: 15s\n  renew_deadline: 20s\n",
            "test.yaml:3:3: leader_election.renew_deadline (20s) must be shorter than leader_election.lease_duration (15s)",
        ),
        (
            "leader_election:\n  lease_duration: 5s\n",
            "test.yaml:2:3: leader_election.renew_deadline (10s) must be shorter than leader_election.lease_duration (5s)",
        ),
        (
            "leader_election:\n  retry_period: 10s\n",
            "test.yaml:2:3: leader_election.retry_period (10s) must be shorter than leader_election.renew_deadline (10s)",
        ),
        (
            "store:\n  retention: 10d\nmetrics:\n  history: 14d\n",
            "test.yaml:4:3: metrics.history (14d) must not be longer than store.retention (10d): older data is not kept",
        ),
        (
            "leader_election:\n  backend: kubernetes\n",
            "test.yaml:2:3: leader_election.backend is kubernetes, but store.backend is embedded, which replicas do not share; use store.backend: redis, or leader_election.backend: auto or static",
        ),
        (
            "leader_election: {shards: 0}\n",
            "test.yaml:1:19: leader_election.shards must be between 1 and 256, but is 0",
        ),
        (
            "store: {backend: redis}\n",
            "test.yaml:1:9: store.backend is redis in mode standalone, but store.redis_addr is empty",
        ),
        (
            "backfill:\n  requeue_delays: []\n",
            "test.yaml:2:3: backfill.requeue_delays is empty, so that a failed job could never be tried again; use for example [1m, 5m]",
        ),
        (
            "identity: {pseudonymize: true}\n",
            "test.yaml:1:12: identity.pseudonymize is true, but neither identity.pseudonym_key nor identity.pseudonym_key_file is set",
        ),
        (
            "telemetry: {otel_trace_sample_ratio: 5}\n",
            "test.yaml:1:13: telemetry.otel_trace_sample_ratio must be between 0 and 1, but is 5; 5% is 0.05",
        ),
        (
            "rate_limit: {min_remaining_threshold: 5000}\n",
            "test.yaml:1:14: rate_limit.min_remaining_threshold is 5000, but at most a tenth of the limit can be kept in reserve and GitHub grants at most 15000 points per hour; use 1500 or less",
        ),
        (
            "health: {github_probe_interval: 0s}\n",
            "test.yaml:1:10: health.github_probe_interval must be longer than 0s",
        ),
    ] {
        assert_eq!(rejection(yaml, &[]), message);
    }
}

#[test]
fn errors_about_organisations_name_their_entry() {
    let orgs = |body: &str| rejection(&format!("github:\n  orgs:\n{body}"), &[]);
    for (body, message) in [
        (
            "    - scrape_interval: 5m\n",
            "test.yaml:3:7: github.orgs[0].org is missing or empty; it is the organisation's login, such as acme",
        ),
        (
            "    - org: \"\"\n",
            "test.yaml:3:7: github.orgs[0].org is missing or empty; it is the organisation's login, such as acme",
        ),
        (
            "    - org: acme/web\n",
            "test.yaml:3:7: github.orgs[0].org must be an organisation's login, such as acme, but is \"acme/web\"",
        ),
        (
            "    - org: acme\n    - org: ACME\n",
            "test.yaml:4:7: github.orgs[1].org is \"ACME\", which github.orgs[0] already is",
        ),
        (
            "    - org: acme\n      token: t\n      app_id: 1\n",
            "test.yaml:4:7: github.orgs[0].token is set in addition to a GitHub App (app_id, installation_id, private_key_path); keep one of them",
        ),
        (
            "    - org: acme\n      token: t\n      token_file: /t\n",
            "test.yaml:5:7: github.orgs[0].token and github.orgs[0].token_file are both set; keep one of them",
        ),
        (
            "    - org: acme\n      app_id: 1\n      installation_id: 2\n",
            "test.yaml:4:7: github.orgs[0] has no private_key_path; a GitHub App needs app_id, installation_id and private_key_path together",
        ),
        (
            "    - org: acme\n      scrape_interval: 0s\n",
            "test.yaml:4:7: github.orgs[0].scrape_interval must be longer than 0s",
        ),
        (
            "    - org: acme\n      repo_allowlist: []\n",
            "test.yaml:4:7: github.orgs[0].repo_allowlist is empty, so that no repository would be collected; use [\"*\"] for all",
        ),
    ] {
        assert_eq!(orgs(body), message);
    }
}

#[test]
fn errors_never_contain_a_secret() {
    let secret = "s3cr3t";
    for yaml in [
        "amqp: {url: \"http://u:s3cr3t@h\"}\n",
        "store: {backend: redis, redis_addr: \"redis://u:s3cr3t@h:1\"}\n",
        "github: {api_base_url: \"https://u:s3cr3t@h\"}\n",
        "telemetry: {otel_exporter_otlp_endpoint: \"https://u:s3cr3t@h\"}\n",
        "server: {admin_token: [s3cr3t]}\n",
        "server: {admin_token: {s3cr3t: 1}}\n",
        "server: {admin_token: s3cr3t, admin_token_file: /x}\n",
        "amqp:\n  url: s3cr3t\n broken: [",
        "amqp: {url: 's3cr3t}\n",
        "amqp: {url: \"s3cr3t\\q\"}\n",
        "github: {orgs: [\"acme:s3cr3t\"]}\n",
        "github: {orgs: s3cr3t}\n",
        "store: {redis_password: @s3cr3t}\n",
        "store: {redis_password: %s3cr3t}\n",
        "store: {redis_password: `s3cr3t}\n",
        "amqp: {url: *s3cr3t}\n",
        "amqp: {url: !s3cr3t x}\n",
    ] {
        let message = rejection(yaml, &[]);
        assert!(!message.contains(secret), "{message}");
    }
}

#[test]
fn errors_name_a_missing_file() {
    let absent = std::path::Path::new("/nonexistent/production.yaml");
    let error = super::load(Some(absent), &super::Environment::default(), &super::Overrides::default())
        .expect_err("rejected");
    assert_eq!(error.exit_code(), 64);
    assert!(error.to_string().starts_with("/nonexistent/production.yaml: cannot read"), "{error}");
}

#[test]
fn broken_yaml_is_explained() {
    for (yaml, message) in [
        (
            "retry: {jitter: true}\nretry: {}\n",
            "test.yaml:2:1: not valid YAML: the key \"retry\" occurs twice in the same mapping",
        ),
        ("server: {\n", "test.yaml:1:9: not valid YAML: unclosed bracket '{'"),
        (
            "retry: {}\n---\nloc: {}\n",
            "test.yaml:3:1: not valid YAML: there is more than one document; remove everything from the second --- on",
        ),
        ("retry: *other\n", "test.yaml:1:8: not valid YAML: an alias (*name) refers to no anchor (&name)"),
    ] {
        assert_eq!(rejection(yaml, &[]), message);
    }
}

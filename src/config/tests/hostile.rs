//! Malicious input: rejected in bounded time and space, without a panic.

use proptest::prelude::*;

use super::super::{Environment, Overrides, load};
use super::{config, load_yaml, rejection};

#[test]
fn a_huge_file_is_rejected() {
    let message = rejection(&"# filler\n".repeat(150_000), &[]);
    assert_eq!(
        message,
        "test.yaml: the configuration file is larger than 1048576 bytes; is it the right file?"
    );
}

#[test]
fn a_billion_laughs_attack_is_rejected() {
    let mut bomb = String::from("a0: &a0 {x: y}\n");
    for i in 1..40 {
        bomb.push_str(&format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}, *a{0}]\n", i - 1));
    }
    assert!(rejection(&bomb, &[]).contains("not valid YAML"));
}

#[test]
fn bytes_that_are_not_utf_8_are_reported_with_their_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("binary.yaml");
    std::fs::write(&file, b"server: {}\nretry: \xff\n").expect("written");
    let error = load(Some(&file), &Environment::default(), &Overrides::default()).expect_err("rejected");
    assert!(error.to_string().ends_with("binary.yaml:2:1: not valid YAML: the text is not UTF-8"), "{error}");
}

#[test]
fn malicious_variables_are_rejected() {
    for (name, value) in [
        ("GITHUB_STATS__", "x"),
        ("GITHUB_STATS______", "x"),
        ("GITHUB_STATS__0", "x"),
        ("GITHUB_STATS__GITHUB__ORGS__18446744073709551615", "x"),
        ("GITHUB_STATS__GITHUB__ORGS", "[[[[[[[[[[[[[[[[[[[[[["),
        ("GITHUB_STATS__GITHUB__ORGS__0__ORG__ORG", "x"),
        ("GITHUB_STATS__SERVER", "[]"),
        ("GITHUB_STATS__SERVER", "\u{0}"),
    ] {
        let message = rejection("", &[(name, value)]);
        assert!(message.starts_with(name), "{message}");
    }
}

/// Text that is mostly YAML with real keys, so that it gets beyond the parser.
fn likely_yaml() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "server",
        "github",
        "orgs",
        "org",
        "token",
        "store",
        "path",
        "metrics",
        "history",
        "aliases",
        "identity",
        "backfill",
        "requeue_delays",
        "retention",
        "copilot",
        ":",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!!int ",
        "!x ",
        "|\n",
        ">-\n",
        "\"",
        "'",
        "5m",
        "-1",
        "0x1F",
        "1e999",
        ".nan",
        "~",
        "true",
        "é",
        "\u{feff}",
        "\t",
        "#",
        "---\n",
        "? ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_loader_panic(text in ".{0,200}", yaml in likely_yaml()) {
        let _ = load_yaml(&text, &[]);
        let _ = load_yaml(&yaml, &[]);
    }

    #[test]
    fn no_variable_makes_the_loader_panic(
        name in "(SERVER|GITHUB|ORGS|0|1|ORG|IDENTITY|ALIASES|__|_|[a-z.é\\[]){0,6}",
        value in likely_yaml(),
    ) {
        let name = format!("GITHUB_STATS__{name}");
        let _ = load(None, &Environment::from_iter([(name, value)]), &Overrides::default());
    }
}

#[test]
fn globs_are_not_compiled_before_they_are_used() {
    let globs: String = (0..100_000).map(|i| format!("a{i}*,")).collect();
    let config = config(&format!("github: {{orgs: [{{org: a, repo_allowlist: [{globs}]}}]}}\n"), &[]);
    assert_eq!(config.github.orgs[0].repo_allowlist.len(), 100_000);
}

#[test]
fn an_overlong_glob_is_rejected() {
    let glob = "{a,b}".repeat(10_000);
    let message = rejection(&format!("github: {{orgs: [{{org: a, repo_allowlist: [\"{glob}\"]}}]}}\n"), &[]);
    assert!(message.ends_with("(it is longer than 256 bytes)") && message.len() < 300, "{message}");
}

//! Replayed commit histories.

use std::fs;
use std::path::Path;
use std::time::Duration;

use github_sim::{ExpectedFactKind, from_histories};
use jiff::SignedDuration;

use crate::client::{get, start, time, walk};

const NOW: &str = "2026-03-18T12:00:00Z";

#[test]
fn a_history_becomes_a_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("owner_tool.jsonl");
    let line = |sha: &str, at: &str, login: &str, pr: &str| {
        let sha = sha.repeat(40);
        format!(
            r#"{{"sha":"{sha}","authored_at":"{at}","committed_at":"{at}","login":{login},"bot":false,"additions":3,"deletions":1,"files":1,"pr":{pr}}}"#
        )
    };
    let lines = [
        line("c", "2020-01-03T00:00:00Z", "null", "null"),
        line("b", "2020-01-01T12:00:00Z", "\"ken\"", "5"),
        line("a", "2020-01-02T00:00:00Z", "\"ada\"", "null"),
    ];
    fs::write(&path, lines.join("\n")).expect("a file");
    let simulator = start(from_histories("acme", &[&path], time(NOW)).expect("a world"), NOW);
    let (commits, _) = walk(&simulator, "/repos/acme/tool/commits");
    assert_eq!(commits.len(), 3);
    assert_eq!(commits[0]["commit"]["committer"]["date"], NOW);
    let pull = get(&simulator, "/repos/acme/tool/pulls/5").json();
    assert_eq!(
        (pull["user"]["login"].as_str(), pull["merged_at"].as_str()),
        (Some("ken"), Some("2026-03-17T00:00:00Z"))
    );
    fs::write(&path, "{}").expect("a file");
    let error = from_histories("acme", &[&path], time(NOW)).expect_err("no history");
    assert!(error.to_string().contains("owner_tool.jsonl:1"), "{error}");
}

#[test]
fn a_long_history_is_listed_and_compared_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/histories/pipeline.jsonl.gz");
    let lines = 5_000;
    let world = from_histories("acme", &[path], time(NOW) + SignedDuration::from_hours(72)).expect("a world");
    let simulator = start(world, NOW);
    let before = get(&simulator, "/repos/acme/pipeline/commits").json()[0]["sha"].as_str().map(str::to_owned);
    simulator.advance(Duration::from_secs(72 * 3_600));
    let (commits, _) = walk(&simulator, "/repos/acme/pipeline/commits?per_page=100");
    assert_eq!(commits.len(), lines);
    let target = format!("/repos/acme/pipeline/compare/{}...main?per_page=100", before.expect("a commit"));
    let comparison = get(&simulator, &target).json();
    assert_eq!(comparison["status"], "ahead");
    assert!(comparison["ahead_by"].as_u64() > Some(0));
    let facts = simulator.truth().facts(simulator.now());
    for kind in [
        ExpectedFactKind::PrOpened,
        ExpectedFactKind::PrMerged,
        ExpectedFactKind::Review,
        ExpectedFactKind::IssueComment,
    ] {
        assert!(facts.iter().filter(|fact| fact.kind == kind).count() > 1_000, "{kind:?}");
    }
    let root = commits.last().and_then(|commit| commit["sha"].as_str()).expect("a root");
    let all = get(&simulator, &format!("/repos/acme/pipeline/compare/{root}...main")).json();
    let listed = all["commits"].as_array().expect("commits");
    assert_eq!((all["ahead_by"].as_u64(), listed.len()), (Some(lines as u64 - 1), 250));
    assert_eq!(listed.last().map(|commit| &commit["sha"]), commits.first().map(|commit| &commit["sha"]));
    let updated =
        get(&simulator, "/repos/acme/pipeline/pulls?state=all&sort=updated&direction=desc&per_page=100");
    assert_eq!(updated.json().as_array().map(Vec::len), Some(100));
}

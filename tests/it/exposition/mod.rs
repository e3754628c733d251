//! The exposition of a living replica, judged by Prometheus' own tool.

mod consistent;
mod measured;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{Replica, parse_gauges};

/// `promtool check metrics`; `None`, loudly, where there is no promtool.
fn promtool(text: &str) -> Option<Result<(), String>> {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        eprintln!("SKIPPED: promtool is not installed");
        return None;
    };
    // It stops reading at the first thing it cannot parse; its verdict says so.
    let _ = tool.stdin.take().expect("a pipe").write_all(text.as_bytes());
    let output = tool.wait_with_output().expect("promtool ends");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some(if output.status.success() && said.trim().is_empty() { Ok(()) } else { Err(said) })
}

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about() {
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::spawn(folder.path(), &["demo"]).await;
    let text = loop {
        let (_, text) = replica.get("/metrics").await;
        if !parse_gauges(&text).is_empty() {
            break text;
        }
        sleep(Duration::from_millis(50)).await;
    };
    if let Some(verdict) = promtool(&text) {
        assert_eq!(verdict, Ok(()));
    }
    let broken = text.replace("# TYPE gh_activity_commits_24h gauge", "# TYPE gh_activity_commits_24h gage");
    assert!(promtool(&broken).is_none_or(|verdict| verdict.is_err()), "the judge can say no");
}

#[tokio::test]
async fn the_format_is_negotiated() {
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::spawn(folder.path(), &["demo"]).await;
    let accept = |accept| replica.try_get("/metrics", accept);
    let (_, open) =
        accept(&[("accept", "application/openmetrics-text; version=1.0.0")]).await.expect("an answer");
    assert!(open.ends_with("# EOF\n"));
    let (_, plain) = accept(&[("accept", "text/plain")]).await.expect("an answer");
    assert!(!plain.contains("# EOF"));
    assert_eq!(replica.get("/livez").await.0, 200);
    assert_eq!(replica.get("/no/such/page").await.0, 404);
}

//! The exposition of a running replica, checked by Prometheus' own tool.

mod consistent;
mod measurements;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{Replica, parse_gauges, require};

/// What `promtool check metrics` finds.
fn promtool(text: &str) -> Result<(), String> {
    let mut tool = Command::new(require(&["promtool"], "prometheus"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    // It stops reading at the first line that it cannot parse, and says so.
    let _ = tool.stdin.take().expect("a pipe").write_all(text.as_bytes());
    let output = tool.wait_with_output().expect("promtool ends");
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() && printed.trim().is_empty() { Ok(()) } else { Err(printed) }
}

#[tokio::test]
#[ignore = "needs promtool; tests/run runs it"]
async fn promtool_finds_no_problem() {
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::spawn(folder.path(), &["demo"]).await;
    let text = loop {
        let (_, text) = replica.get("/metrics").await;
        if !parse_gauges(&text).is_empty() {
            break text;
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(promtool(&text), Ok(()));
    let broken = text.replace("# TYPE gh_activity_commits_24h gauge", "# TYPE gh_activity_commits_24h gage");
    assert!(promtool(&broken).is_err(), "promtool reports a broken page");
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

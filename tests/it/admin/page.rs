//! The operator's page in a real browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::acceptance::{config, lively, simulator};
use crate::support::{Replica, settle};

/// Where a Chromium is; says loudly when there is none.
fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no Chromium (Debian package chromium)");
    }
    found
}

/// The page as it is once its script has run.
async fn rendered(browser: &Path, profile: &Path, url: String) -> String {
    let (browser, profile) = (browser.to_owned(), format!("--user-data-dir={}", profile.display()));
    let run = move || {
        Command::new("timeout")
            .args(["-k", "5", "90"])
            .arg(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &profile])
            // Virtual time runs on until the network is idle, so that the answers are in.
            .args(["--virtual-time-budget=8000", "--dump-dom", &url])
            .output()
            .expect("the browser runs")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it ran");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!dom.is_empty(), "no page: {}", String::from_utf8_lossy(&output.stderr));
    dom
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_the_replica_and_asks_for_a_token_where_one_is_needed() {
    let Some(browser) = chromium() else { return };
    let simulator = simulator(lively("acme"));
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let profile = TempDir::new().expect("a folder");
    let open = Replica::serve(folders[0].path(), &config(&simulator, "acme")).await;
    settle(&open, &simulator, simulator.now()).await;
    let paused = "{\"reason\": \"<b>an upgrade</b>\", \"for\": \"30m\", \"by\": \"ann\"}";
    open.send("POST", "/api/admin/maintenance", paused).await;
    let dom = rendered(&browser, profile.path(), format!("http://127.0.0.1:{}/admin", open.port())).await;
    for part in [
        "acme",
        "scrape_success",
        "worker-1",
        "There are no dead letters.",
        "End the maintenance of every organisation",
    ] {
        assert!(dom.contains(part), "{part} is missing:\n{dom}");
    }
    assert!(dom.contains("&lt;b&gt;an upgrade&lt;/b&gt;"), "what somebody wrote is text, not markup:\n{dom}");
    assert!(dom.contains("<div id=\"content\">"), "the content is shown:\n{dom}");
    let text = config(&simulator, "acme").replace("server: {", "server: {admin_token: s3cret, ");
    let closed = Replica::serve(folders[1].path(), &text).await;
    let dom = rendered(&browser, profile.path(), format!("http://127.0.0.1:{}/admin", closed.port())).await;
    assert!(dom.contains("<form id=\"login\">"), "the token is asked for:\n{dom}");
    assert!(dom.contains("This replica wants a token.") && !dom.contains("worker-1"), "{dom}");
}

//! The cost of a scrape, compared with nginx serving the same bytes from a file.
//!
//! ```sh
//! SERIES=1000000 GITHUB_STATS_BIN=target/release/github-stats \
//!     cargo test --test it -- --ignored --nocapture exposition::measurements
//! ```

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use github_stats::store::EmbeddedStore;
use github_stats_actors::activity::{Batch, Fact, FactId, LocChange, Record, RepoKey, RepoMeta, Timestamp};
use github_stats_actors::store::FactStore;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::{Replica, free_port};

const SCRAPES: u32 = 21;
const ALL: &str = "";
/// Threads for blocking work. They encode pages and, with a filled store, do hardly anything else.
const ENCODERS: &str = "tokio-rt-worker";

fn series() -> usize {
    std::env::var("SERIES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

/// CPU time of the threads of a process whose name starts with `threads`.
fn cpu(pid: u32, threads: &str) -> Duration {
    let tasks =
        std::fs::read_dir(format!("/proc/{pid}/task")).expect("threads").flatten().map(|task| task.path());
    let is_wanted = |task: &PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with(threads))
    };
    let nanoseconds = |task: PathBuf| -> u64 {
        let stat = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        stat.split_whitespace().next().and_then(|spent| spent.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(tasks.filter(is_wanted).map(nanoseconds).sum())
}

/// Scrapes with curl, which discards the bytes; returns the median time and the size.
fn scrape(port: u16, coding: &str) -> (Duration, u64) {
    let mut times = Vec::new();
    let mut size = 0;
    for _ in 0..SCRAPES {
        let output = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{time_total} %{size_download}"])
            .args(["-H", &format!("Accept-Encoding: {coding}")])
            .arg(format!("http://127.0.0.1:{port}/metrics"))
            .output()
            .expect("curl runs");
        let printed = String::from_utf8(output.stdout).expect("text");
        let (time, bytes) = printed.split_once(' ').expect("two numbers");
        times.push(Duration::from_secs_f64(time.parse().expect("seconds")));
        size = bytes.parse().expect("bytes");
    }
    times.sort();
    (times[times.len() / 2], size)
}

struct Nginx(Child);

impl Nginx {
    /// Serves the page from a file; `None` where nginx is not installed.
    async fn start(folder: &Path, page: &str) -> Option<(Nginx, u16)> {
        let port = free_port();
        let root = folder.display();
        std::fs::write(folder.join("metrics"), page).expect("written");
        let config = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\nevents {{}}\n\
             http {{ access_log off; sendfile on; tcp_nodelay on; server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
        );
        std::fs::write(folder.join("nginx.conf"), config).expect("written");
        let child =
            Command::new("nginx").arg("-c").arg(folder.join("nginx.conf")).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            println!("nginx is not installed, so there is nothing to compare with");
            return None;
        };
        sleep(Duration::from_millis(500)).await;
        Some((Nginx(child), port))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ready(replica: &Replica) {
    while replica.get("/readyz").await.0 != 200 {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "a measurement; see docs/PERFORMANCE.md"]
async fn scrapes_beside_nginx() {
    let folder = TempDir::new().expect("a folder");
    let series = series().to_string();
    let replica = Replica::spawn(folder.path(), &["demo", "--series", &series]).await;
    ready(&replica).await;
    let (_, page) = replica.get("/metrics").await;
    let count = page.lines().filter(|line| !line.starts_with('#')).count();
    println!("\n{count} series, {} bytes", page.len());
    for coding in ["identity", "gzip", "zstd"] {
        scrape(replica.port(), coding);
        let before = cpu(replica.pid(), ALL);
        let (time, bytes) = scrape(replica.port(), coding);
        let spent = (cpu(replica.pid(), ALL) - before) / SCRAPES;
        println!("{coding}: {time:?} and {spent:?} of processor time a scrape, {bytes} bytes");
    }
    let resident = replica.memory_bytes("VmRSS");
    println!("resident: {resident} bytes, {} a series", resident / count as u64);
    if let Some((nginx, port)) = Nginx::start(folder.path(), &page).await {
        scrape(port, "identity");
        let before = cpu(nginx.0.id(), ALL);
        let (time, bytes) = scrape(port, "identity");
        let spent = (cpu(nginx.0.id(), ALL) - before) / SCRAPES;
        println!("nginx: {time:?} and {spent:?} of processor time a scrape, {bytes} bytes");
    }
}

#[tokio::test]
#[ignore = "a measurement; see docs/PERFORMANCE.md"]
async fn facts_arriving() {
    let folder = TempDir::new().expect("a folder");
    let series = series().to_string();
    let idle = Replica::spawn(folder.path(), &["demo", "--series", &series]).await;
    ready(&idle).await;
    let resting = scrape(idle.port(), "gzip").0;
    drop(idle);
    for coding in ["identity", "gzip"] {
        let folder = TempDir::new().expect("a folder");
        let arguments = ["demo", "--series", &series, "--facts-per-second", "1000"];
        let replica = Replica::spawn(folder.path(), &arguments).await;
        ready(&replica).await;
        scrape(replica.port(), coding);
        let (all, exposition, begun) =
            (cpu(replica.pid(), ALL), cpu(replica.pid(), ENCODERS), Instant::now());
        sleep(Duration::from_secs(20)).await;
        let took = begun.elapsed();
        let share = |spent: Duration| 100.0 * spent.as_secs_f64() / took.as_secs_f64();
        let exposition = cpu(replica.pid(), ENCODERS) - exposition;
        println!(
            "\n1,000 facts a second, scraped as {coding}: {:.1}% of a core for the exposition, {:.1}% for everything",
            share(exposition),
            share(cpu(replica.pid(), ALL) - all)
        );
        println!("a scrape meanwhile: {:?} (gzip at rest: {resting:?})", scrape(replica.port(), coding).0);
    }
}

#[tokio::test]
#[ignore = "a measurement; see docs/PERFORMANCE.md"]
async fn cold_start() {
    let folder = TempDir::new().expect("a folder");
    let now = Timestamp::from_unix(
        std::fs::metadata(folder.path()).and_then(|data| data.modified()).map(unix).expect("a time"),
    );
    let rows = series() / 13;
    {
        let store = EmbeddedStore::open(&folder.path().join("data")).expect("a store");
        for repository in 0..rows / 100 {
            store.write(batch(repository, now)).await.expect("written");
        }
    }
    let config = format!(
        "store: {{max_series_budget: 10000000, path: {}}}\ngithub: {{orgs: []}}\n",
        folder.path().join("data").display()
    );
    let begun = Instant::now();
    let replica = Replica::serve(folder.path(), &config).await;
    let answering = begun.elapsed();
    ready(&replica).await;
    let ready = begun.elapsed();
    let (time, bytes) = scrape(replica.port(), "identity");
    println!(
        "\nanswering after {answering:?}, ready after {ready:?}, then a scrape of {bytes} bytes takes {time:?}"
    );
    scrape(replica.port(), "gzip");
    println!("resident, with what gzip takes: {} bytes", replica.memory_bytes("VmRSS"));
}

fn unix(time: std::time::SystemTime) -> i64 {
    time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

fn batch(repository: usize, now: Timestamp) -> Batch {
    let key = RepoKey { org: "filled".into(), id: format!("R_{repository}").into() };
    let name = format!("repository-{repository:05}").as_str().into();
    let mut batch = Batch::new(key, RepoMeta { seen_at: now, name, first_seen: now });
    let record = |user: usize| {
        let user_name = format!("user-{user:07}");
        let fact = Fact {
            id: FactId::Review(user as u64),
            user: user_name.into(),
            at: now - 60,
            loc: LocChange::default(),
        };
        (fact.id, Record::observed(&fact, now))
    };
    batch.records = (100 * repository..100 * (repository + 1)).map(record).collect();
    batch
}

//! The real binary as a child process.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Upper bound for the first response of a replica, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The binary under test: the one named by `GITHUB_STATS_BIN`, else the one built with the tests.
pub fn binary() -> PathBuf {
    std::env::var_os("GITHUB_STATS_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_github-stats").into(), PathBuf::from)
}

/// A currently unused port.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A running replica; killed on drop.
pub struct Replica {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Replica {
    /// Starts `serve` with this configuration in `folder`, which gets its data and its log, and
    /// waits until it responds.
    pub async fn serve(folder: &Path, config: &str) -> Replica {
        Self::serve_as(folder, config, &[]).await
    }

    /// The same with additional environment variables.
    pub async fn serve_as(folder: &Path, config: &str, environment: &[(&str, &str)]) -> Replica {
        std::fs::write(folder.join("config.yaml"), config).expect("a configuration file");
        Self::spawn_as(folder, &["serve", "--config", "config.yaml"], environment).await
    }

    /// Starts a command that serves, with `--listen`, and waits until it responds.
    pub async fn spawn(folder: &Path, arguments: &[&str]) -> Replica {
        Self::spawn_as(folder, arguments, &[]).await
    }

    async fn spawn_as(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Replica {
        let port = free_port();
        let log = folder.join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(binary())
            .args(arguments)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .current_dir(folder)
            .env_remove("GITHUB_TOKEN")
            .env_remove("RUST_LOG")
            .env("GITHUB_STATS_CHAOS", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        let mut replica = Replica { child, port, log };
        replica.wait_until_it_answers().await;
        replica
    }

    async fn wait_until_it_answers(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        while self.try_get("/livez", &[]).await.is_none() {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("it ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "it does not answer:\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Requests a path; returns status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path, &[]).await.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.log()))
    }

    /// Requests a path with headers; `None` if there is no response.
    pub async fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
        self.request("GET", path, headers).await
    }

    /// Sends a POST without a body.
    pub async fn post(&self, path: &str) -> Option<(u16, String)> {
        self.request("POST", path, &[]).await
    }

    /// Sends a request of any method with headers.
    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let method = method.to_owned();
        let exchange = tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_secs(10)))
                .build()
                .into();
            let mut request = ureq::http::Request::builder().method(method.as_str()).uri(url);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let mut response = agent.run(request.body(()).ok()?).ok()?;
            let status = response.status().as_u16();
            let body = response.body_mut().with_config().limit(512 * 1024 * 1024).read_to_string().ok()?;
            Some((status, body))
        });
        exchange.await.ok().flatten()
    }

    /// The port or address it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A value of `/proc/PID/status`, such as `VmRSS`, in bytes.
    pub fn memory_bytes(&self, kind: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a living process");
        let line = status.lines().find(|line| line.starts_with(&format!("{kind}:"))).expect("a size");
        let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
        kilobytes * 1024
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it has exited.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have been reaped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

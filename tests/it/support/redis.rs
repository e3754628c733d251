//! Private Redis servers, sentinels and clusters, started by the tests that need them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use redis::{AsyncConnectionConfig, Client, FromRedisValue};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::replica::free_port;
use super::requirement::require;

/// Upper bound for a server to reach the expected state, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running server. It ends when the value is dropped, and with the process of the tests, however
/// that ends.
pub struct RedisServer {
    pub port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    pid: u32,
}

/// Starts the server in the background and prints its process id. When the input ends, ends the
/// server and removes its directory.
const KEEPER: &str = r#"trap "" INT; directory=$1; shift; redis-server "$@" >/dev/null 2>&1 & echo $!
while read -r line; do [ "$line" = keep ] && directory=; done; kill -9 $! 2>/dev/null; wait $! 2>/dev/null
[ -z "$directory" ] || rm -rf "$directory""#;

impl RedisServer {
    /// Starts a server with these additional lines of configuration.
    pub async fn start(lines: &[&str]) -> RedisServer {
        Self::start_as(lines, &[]).await
    }

    /// A sentinel.
    pub async fn sentinel(lines: &[&str]) -> RedisServer {
        Self::start_as(lines, &["--sentinel"]).await
    }

    /// Starts a server that accepts TLS only, with this certificate.
    pub async fn start_with_tls(tls: &TestCertificate, lines: &[&str]) -> RedisServer {
        let mut all = vec![
            "tls-port {port}",
            "tls-cert-file {dir}/cert.pem",
            "tls-key-file {dir}/key.pem",
            "tls-ca-cert-file {dir}/ca.pem",
            "tls-auth-clients no",
        ];
        all.extend_from_slice(lines);
        let files = [("cert.pem", &tls.cert), ("key.pem", &tls.key), ("ca.pem", &tls.ca)];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Self::start_from(&files, &all, &[]).await
    }

    async fn start_as(lines: &[&str], arguments: &[&str]) -> RedisServer {
        Self::start_from(&[], lines, arguments).await
    }

    async fn start_from(files: &[(&str, &str)], lines: &[&str], arguments: &[&str]) -> RedisServer {
        require(&["redis-server"], "redis-server");
        for _ in 0..5 {
            let directory = TempDir::new().expect("a directory").keep();
            let port = free_port();
            let text = format!(
                "bind 127.0.0.1\nprotected-mode no\ndir {}\nlogfile log\n{}\n",
                directory.display(),
                lines
                    .join("\n")
                    .replace("{dir}", &directory.display().to_string())
                    .replace("{port}", &port.to_string()),
            );
            let text = if text.contains("tls-port") {
                format!("{text}port 0\n")
            } else {
                format!("{text}port {port}\n")
            };
            for (name, text) in files {
                std::fs::write(directory.join(name), text).expect("a file");
            }
            let file = directory.join("redis.conf");
            std::fs::write(&file, text).expect("a configuration");
            let mut all = vec![file.display().to_string()];
            all.extend(arguments.iter().map(|a| (*a).to_owned()));
            let mut server = RedisServer { port, directory, arguments: all, child: None, pid: 0 };
            server.spawn();
            if server.listens(Duration::from_secs(5)).await {
                return server;
            }
            // Another process may have taken the port.
            eprintln!("redis-server did not start:\n{}", server.log());
        }
        panic!("no redis-server starts");
    }

    fn spawn(&mut self) {
        let mut child = Command::new("sh")
            .args(["-c", KEEPER, "keeper", &self.directory.display().to_string()])
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("the process's number");
        self.pid = line.trim().parse().expect("a number");
        self.child = Some(child);
    }

    async fn listens(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if Instant::now() > deadline {
                return false;
            }
            sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Its data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid.to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Kills it with SIGKILL; its data are kept for [`RedisServer::restart`].
    pub fn kill(&mut self) {
        self.end(true);
    }

    /// Starts it again on the same port with its saved data.
    pub async fn restart(&mut self) {
        self.spawn();
        assert!(self.listens(TIMEOUT).await, "it does not start again:\n{}", self.log());
    }

    fn end(&mut self, keep: bool) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(mut input) = child.stdin.take()
            && keep
        {
            use std::io::Write;
            input.write_all(b"keep\n").expect("the keeper listens");
        }
        child.wait().expect("the keeper ends");
    }

    /// Runs a command, without TLS or password.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}\n{}", self.log()))
    }

    /// Runs a command that may fail.
    pub async fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = Client::open(format!("redis://{}", self.address()))?;
        // The default timeout of half a second is less than a busy machine needs to flush a server.
        let no_timeout = AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&no_timeout).await?;
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(*word);
        });
        let answer = timeout(Duration::from_secs(5), command.query_async(&mut connection)).await;
        answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// Waits until a command returns the wanted answer.
    pub async fn wait_for<T: FromRedisValue>(&self, words: &[&str], wanted: impl Fn(&T) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Ok(answer) = self.try_ask::<T>(words).await
                && wanted(&answer)
            {
                return;
            }
            assert!(Instant::now() < deadline, "{words:?} is not answered as it should be:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// A certificate for `127.0.0.1` and the authority that issued it, as PEM.
pub struct TestCertificate {
    pub ca: String,
    pub cert: String,
    pub key: String,
}

impl TestCertificate {
    pub fn new() -> TestCertificate {
        let issuer_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&issuer_key).expect("an authority").pem();
        let issuer = Issuer::new(params, issuer_key);
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let cert = params.signed_by(&key, &issuer).expect("a certificate").pem();
        TestCertificate { ca, cert, key: key.serialize_pem() }
    }
}

/// A master, its replicas, and the sentinels that watch them.
pub struct SentinelSetup {
    pub servers: Vec<RedisServer>,
    pub sentinels: Vec<RedisServer>,
}

impl SentinelSetup {
    /// Starts one master, two replicas and three sentinels, and waits until all know each other.
    pub async fn start() -> SentinelSetup {
        let master = RedisServer::start(&["save \"\"", "repl-diskless-sync-delay 0"]).await;
        let of = format!("replicaof 127.0.0.1 {}", master.port);
        let lines = ["save \"\"", "repl-diskless-sync-delay 0", &of];
        let (one, two) = tokio::join!(RedisServer::start(&lines), RedisServer::start(&lines));
        for replica in [&one, &two] {
            replica
                .wait_for::<String>(&["INFO", "replication"], |text| text.contains("master_link_status:up"))
                .await;
        }
        let monitor = format!("sentinel monitor mymaster 127.0.0.1 {} 2", master.port);
        let lines = [
            monitor.as_str(),
            "sentinel down-after-milliseconds mymaster 500",
            "sentinel failover-timeout mymaster 3000",
        ];
        let (a, b, c) = tokio::join!(
            RedisServer::sentinel(&lines),
            RedisServer::sentinel(&lines),
            RedisServer::sentinel(&lines)
        );
        let sentinels = vec![a, b, c];
        for sentinel in &sentinels {
            let known = |text: &String| text.contains("slaves=2,sentinels=3");
            sentinel.wait_for::<String>(&["INFO", "sentinel"], known).await;
        }
        SentinelSetup { servers: vec![master, one, two], sentinels }
    }

    /// The index of the current master.
    pub async fn master(&self) -> usize {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            for (index, server) in self.servers.iter().enumerate() {
                let role = server.try_ask::<Vec<redis::Value>>(&["ROLE"]).await.unwrap_or_default();
                if matches!(role.first(), Some(redis::Value::BulkString(role)) if role == b"master") {
                    return index;
                }
            }
            assert!(Instant::now() < deadline, "there is no master");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A cluster of three masters.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// A cluster that serves all slots.
    pub async fn start() -> RedisCluster {
        let lines = ["save \"\"", "cluster-enabled yes", "cluster-node-timeout 2000"];
        let (a, b, c) =
            tokio::join!(RedisServer::start(&lines), RedisServer::start(&lines), RedisServer::start(&lines));
        let nodes = vec![a, b, c];
        for (index, (node, slots)) in
            nodes.iter().zip([(0, 5_460), (5_461, 10_922), (10_923, 16_383)]).enumerate()
        {
            let (first, last) = (slots.0.to_string(), slots.1.to_string());
            let _: () = node.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            let _: () = node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await;
        }
        for node in &nodes[1..] {
            let _: () = node.ask(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port.to_string()]).await;
        }
        for node in &nodes {
            let ready = |text: &String| {
                text.contains("cluster_state:ok")
                    && text.contains("cluster_slots_ok:16384")
                    && text.contains("cluster_known_nodes:3")
            };
            node.wait_for::<String>(&["CLUSTER", "INFO"], ready).await;
        }
        RedisCluster { nodes }
    }
}

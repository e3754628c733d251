//! Kubernetes API servers: a real one where it was built, and one that knows Leases only.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use super::lease_api::LeaseApi;
use super::replica::free_port;

/// An API server, and the credentials to connect with.
pub struct KubeApi {
    address: SocketAddr,
    kubeconfig: String,
    folder: TempDir,
    server: Running,
}

enum Running {
    Real(RealServer),
    StandIn(#[allow(dead_code, reason = "it serves until it is dropped")] LeaseApi),
}

/// Ends with the process of the tests, however that ends: the shell that keeps it reads its input
/// to the end.
struct RealServer {
    child: Child,
    run: PathBuf,
}

/// Starts the servers, prints the path of the kubeconfig, and ends the servers when the input ends.
const KEEPER: &str = r#"trap "" INT; "$1/start.sh" && { read -r _ || :; "$1/stop.sh"; }"#;

impl KubeApi {
    /// A real server for the caller alone.
    pub fn real() -> KubeApi {
        let (server, kubeconfig) = RealServer::start();
        let (_, rest) = kubeconfig.split_once("https://").expect("an address");
        let address = rest.split('"').next().and_then(|text| text.parse().ok()).expect("an address");
        let folder = TempDir::new().expect("a folder");
        KubeApi { address, kubeconfig, folder, server: Running::Real(server) }
    }

    /// A server in this process that knows Leases only.
    pub fn stand_in() -> KubeApi {
        let server = LeaseApi::start();
        let address = server.address();
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"http://{address}\"}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\ncurrent-context: c\n"
        );
        let folder = TempDir::new().expect("a folder");
        KubeApi { address, kubeconfig, folder, server: Running::StandIn(server) }
    }

    /// The port or address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig file for a client that connects through `address`.
    pub fn kubeconfig(&self, address: SocketAddr) -> PathBuf {
        let file = self.folder.path().join(format!("{}.yaml", address.port()));
        let text = self.kubeconfig.replace(&self.address.to_string(), &address.to_string());
        std::fs::write(&file, text).expect("a kubeconfig");
        file
    }

    /// Suspends a real server, or resumes it.
    pub fn freeze(&self, frozen: bool) {
        match &self.server {
            Running::Real(server) => server.signal(if frozen { "STOP" } else { "CONT" }),
            Running::StandIn(_) => panic!("only a real server can be frozen"),
        }
    }
}

impl RealServer {
    fn start() -> (RealServer, String) {
        static NUMBER: AtomicU16 = AtomicU16::new(0);
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        let shared = std::env::var_os("GITHUB_STATS_SHARED").map_or(beside, PathBuf::from);
        let scripts = shared.join("kube-api");
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let home_cache = || variable("HOME").map(|home| home.join(".cache"));
        let cache = || variable("XDG_CACHE_HOME").or_else(home_cache).expect("HOME is set").join("kube-api");
        let folder = variable("KUBE_API_DIR").unwrap_or_else(cache);
        assert!(
            scripts.join("start.sh").exists() && folder.join("bin/leaseapi").exists(),
            "this test needs a Kubernetes API server: {} has to have its scripts and {} what they built",
            scripts.display(),
            folder.display()
        );
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        let mut child = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&scripts)
            .env("KUBE_API_DIR", &folder)
            .env("NAME", &name)
            .env("API_PORT", free_port().to_string())
            .env("ETCD_PORT", free_port().to_string())
            .env("ETCD_PEER_PORT", free_port().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a path");
        let kubeconfig = std::fs::read_to_string(line.trim()).expect("the server starts");
        (RealServer { child, run: folder.join("run").join(name) }, kubeconfig)
    }

    fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.run.join("api.pid")).expect("a process");
        let sent = Command::new("kill").args([&format!("-{name}"), pid.trim()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Reaped, so that its folder can go.
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.run);
    }
}

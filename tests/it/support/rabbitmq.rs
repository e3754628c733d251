//! A private RabbitMQ.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lapin::{Connection, ConnectionProperties};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::redis::TestCertificate;
use super::replica::free_port;

/// Upper bound for starting the server, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Where the server's own scripts may be: the wrappers on the path require a certain user.
const SCRIPTS: [&str; 3] = ["/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin"];

static NODES: AtomicU32 = AtomicU32::new(0);
static SHARED: Mutex<Weak<Rabbit>> = Mutex::const_new(Weak::new());

/// A server with its own ports, files and name service; killed on drop.
pub struct Rabbit {
    scripts: PathBuf,
    folder: TempDir,
    name: String,
    port: u16,
    distribution: u16,
    names: u16,
    /// The name service; it is killed with the server.
    epmd: Child,
    server: std::sync::Mutex<Option<Child>>,
}

fn scripts() -> PathBuf {
    let found = SCRIPTS.iter().map(Path::new).find(|folder| folder.join("rabbitmq-server").exists());
    let missing = || panic!("this test needs rabbitmq-server: install the Debian package rabbitmq-server");
    found.unwrap_or_else(missing).to_owned()
}

impl Rabbit {
    /// The server that tests share while any of them runs.
    pub async fn shared() -> Arc<Rabbit> {
        let mut shared = SHARED.lock().await;
        if let Some(rabbit) = shared.upgrade() {
            return rabbit;
        }
        let rabbit = Arc::new(Rabbit::start().await);
        *shared = Arc::downgrade(&rabbit);
        rabbit
    }

    /// A server for one test.
    pub async fn start() -> Rabbit {
        Self::start_with(|_| String::new()).await
    }

    /// A server that also listens for TLS, with its TLS port and the file of its certificate
    /// authority.
    pub async fn start_with_tls() -> (Rabbit, u16, PathBuf) {
        let (tls, port) = (TestCertificate::new(), free_port());
        let started = Self::start_with(|folder| {
            let mut lines = format!("listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.verify = verify_none\n");
            for (name, pem) in [("cacertfile", &tls.ca), ("certfile", &tls.cert), ("keyfile", &tls.key)] {
                let file = folder.join(name);
                fs::write(&file, pem).expect("a file");
                lines += &format!("ssl_options.{name} = {}\n", file.display());
            }
            lines
        });
        let rabbit = started.await;
        let authority = rabbit.folder.path().join("cacertfile");
        (rabbit, port, authority)
    }

    /// A server with these further lines of configuration.
    async fn start_with(lines: impl FnOnce(&Path) -> String) -> Rabbit {
        let scripts = scripts();
        let names = free_port();
        let epmd = Command::new("epmd")
            .args(["-port", &names.to_string(), "-address", "127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("epmd comes with Erlang");
        let number = NODES.fetch_add(1, Ordering::Relaxed);
        let rabbit = Rabbit {
            scripts,
            folder: TempDir::new().expect("a folder"),
            name: format!("test-{}-{number}@localhost", std::process::id()),
            port: free_port(),
            distribution: free_port(),
            names,
            epmd,
            server: std::sync::Mutex::new(None),
        };
        fs::write(rabbit.folder.path().join("plugins"), "[].").expect("a file");
        let further = lines(rabbit.folder.path());
        let settings = format!("loopback_users = none\ndisk_free_limit.absolute = 1MB\n{further}");
        fs::write(rabbit.folder.path().join("rabbitmq.conf"), settings).expect("a file");
        rabbit.run().await;
        rabbit
    }

    fn command(&self, script: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(self.scripts.join(script));
        command
            .env("HOME", folder)
            .env("ERL_EPMD_PORT", self.names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("env.conf"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2")
            .current_dir(folder)
            .stdin(Stdio::null());
        command
    }

    /// Starts the stopped server with its data, and waits until it accepts connections.
    pub async fn run(&self) {
        let log = fs::File::create(self.folder.path().join("console")).expect("a file");
        let child = self
            .command("rabbitmq-server")
            .process_group(0)
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the server starts");
        *self.server.lock().expect("a server") = Some(child);
        let deadline = Instant::now() + START_LIMIT;
        while self.try_connect().await.is_none() {
            assert!(Instant::now() < deadline, "the server does not come up:\n{}", self.console());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts the stopped server without its data.
    pub async fn run_empty(&self) {
        fs::remove_dir_all(self.folder.path().join("data")).expect("data");
        self.run().await;
    }

    fn console(&self) -> String {
        fs::read_to_string(self.folder.path().join("console")).unwrap_or_default()
    }

    /// The port or address it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The URL with another port.
    pub fn url_at(port: u16) -> String {
        format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
    }

    async fn try_connect(&self) -> Option<Connection> {
        let url = self.url();
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        timeout(Duration::from_secs(5), connecting).await.ok()?.ok()
    }

    /// A new connection.
    pub async fn connect(&self) -> Connection {
        self.try_connect().await.expect("a connection")
    }

    /// Sends a signal, such as `STOP`, to all processes of the server.
    pub fn signal(&self, name: &str) {
        if let Some(child) = &*self.server.lock().expect("a server") {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args([&format!("-{name}"), "--", &group]).status();
        }
    }

    /// Kills it with SIGKILL.
    pub fn kill(&self) {
        self.signal("KILL");
        if let Some(mut child) = self.server.lock().expect("a server").take() {
            child.wait().expect("reaped");
        }
    }

    /// Runs `rabbitmqctl`.
    pub async fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command("rabbitmqctl");
        command.args(["--node", &self.name]).args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it runs");
        let output = output.expect("it runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        printed
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.signal("CONT");
        self.kill();
        let _ = self.epmd.kill();
        let _ = self.epmd.wait();
    }
}

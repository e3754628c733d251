//! The section `server`.

use std::path::PathBuf;
use std::time::Duration;

use super::checks::Checks;
use super::closed_set::closed_set;
use super::section::section;
use super::{ConfigError, ListenAddr, Secret, SecretSource};

section! {
    /// The HTTP server and the process around it.
    pub struct ServerConfig {
        /// Address and port of `/metrics`, health and admin API; `:8080` means all interfaces.
        listen_addr: ListenAddr = ListenAddr::all_interfaces(8080),
        /// The lowest level that is logged; `RUST_LOG` overrides it.
        log_level: LogLevel = LogLevel::Info,
        /// Name of this replica in labels and leases; empty: `POD_NAME`, else host and port.
        replica_id: String = String::new(),
        /// Time between SIGTERM and exit at most.
        shutdown_grace: Duration = Duration::from_secs(25),
        /// How long a replica keeps serving after it has become unready, so that load balancers
        /// notice.
        drain_delay: Duration = Duration::ZERO,
        /// Bearer token of the admin API; empty: the API is available on loopback addresses only.
        admin_token: Secret = Secret::default(),
        /// File that contains `admin_token`, read again when it changes.
        admin_token_file: Option<PathBuf> = None,
    }
}

closed_set! {
    /// Severity of log messages.
    pub enum LogLevel {
        /// Everything, including protocol details.
        Trace = "trace",
        /// Details for developers.
        Debug = "debug",
        /// Normal operation.
        Info = "info",
        /// May need attention.
        Warn = "warn",
        /// Needs attention.
        Error = "error",
    }
}

impl ServerConfig {
    /// The admin token, if one is configured.
    #[must_use]
    pub fn admin_token(&self) -> Option<SecretSource> {
        SecretSource::of(&self.admin_token, self.admin_token_file.as_deref())
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        checks.positive("server.shutdown_grace", self.shutdown_grace)?;
        checks.shorter(
            ("server.drain_delay", self.drain_delay),
            ("server.shutdown_grace", self.shutdown_grace),
        )?;
        checks.not_both("server.admin_token", !self.admin_token.is_empty(), self.admin_token_file.is_some())
    }
}

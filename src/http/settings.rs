//! The settings of the HTTP server.

use std::net::TcpListener;
use std::time::Duration;

/// The settings of the HTTP server.
#[derive(Debug)]
pub struct HttpSettings {
    /// The sockets it listens on. Bound by the caller, so that an address in use is known before
    /// anything is started.
    pub listeners: Vec<TcpListener>,
    /// Connections beyond this many wait to be accepted.
    pub max_connections: usize,
    /// How long a client may accept no data of an answer before it is disconnected.
    pub stall_limit: Duration,
    /// How long a shutdown waits for answers that are being sent.
    pub shutdown_timeout: Duration,
}

impl HttpSettings {
    /// The usual limits.
    pub fn new(listeners: Vec<TcpListener>) -> Self {
        HttpSettings {
            listeners,
            max_connections: 512,
            stall_limit: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

//! How the server listens.

use std::net::TcpListener;
use std::time::Duration;

/// How the server listens and what it puts up with.
#[derive(Debug)]
pub struct HttpSettings {
    /// Where it listens. Bound by the caller, so that an address in use is known before anything is started.
    pub listeners: Vec<TcpListener>,
    /// Connections beyond this many wait to be accepted.
    pub max_connections: usize,
    /// How long a client may take nothing of an answer before its connection is given up.
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

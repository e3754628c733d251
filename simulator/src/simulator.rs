//! A running simulator.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::clock::{self, Clock};
use crate::fault::Faults;
use crate::options::Options;
use crate::request_log::RequestRecord;
use crate::server;
use crate::shared::Shared;
use crate::truth::Truth;
use crate::world::World;

/// A world served over HTTP until dropped.
///
/// It runs on threads of its own, so that it can be used from any runtime or none, and a test that
/// pauses its runtime's time does not pause the simulator.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Serves `world`.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread started.
    pub fn start(world: World, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let start = options.start.unwrap_or_else(clock::wall);
        let clock = Clock::starting(start, options.frozen);
        let shared = Arc::new(Shared::new(world, options, clock, url));
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("github-sim").enable_all().build()?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(entered);
        runtime.spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, runtime: Some(runtime) })
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Moves the simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Stops the simulated time; only [`Self::advance`] moves it from then on.
    pub fn freeze(&self) {
        self.shared.clock.freeze();
    }

    /// Faults, to be added and ended while it runs.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// All requests since the start or the last [`Self::reset_log`].
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log().records()
    }

    /// The most requests that were in flight at a time since the last [`Self::reset_log`].
    pub fn max_concurrency(&self) -> usize {
        self.shared.log().max_in_flight()
    }

    /// Forgets requests and points spent; the limits themselves go on.
    pub fn reset_log(&self) {
        self.shared.log().clear();
        self.shared.ledger().forget_spent();
    }

    /// How many tokens the app's installations were given since the start.
    pub fn tokens_minted(&self) -> u64 {
        self.shared.keyring.minted()
    }

    /// Points spent on a resource (`core`, `graphql`) by all tokens since the last [`Self::reset_log`].
    pub fn points_used(&self, resource: &str) -> u64 {
        self.shared.ledger().spent(resource)
    }

    /// What a collector that misses nothing must find; follows later edits.
    pub fn truth(&self) -> Truth {
        Truth::following(Arc::clone(&self.shared.world))
    }

    /// Changes the world while it runs.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.shared.write())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime waits, which is not allowed inside another one.
            runtime.shutdown_background();
        }
    }
}

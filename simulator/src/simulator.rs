//! A running simulator.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::clock::{self, Clock};
use crate::fault::ApiFaults;
use crate::ground_truth::GroundTruth;
use crate::options::Options;
use crate::request_log::RequestRecord;
use crate::server;
use crate::state::SimulatorState;
use crate::world::GithubWorld;

/// A world that is served over HTTP until this is dropped.
///
/// It runs on its own threads, so that it can be used from any runtime or none, and a test that
/// pauses its runtime's clock does not pause the simulator.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<SimulatorState>,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Serves `world`.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread started.
    pub fn start(world: GithubWorld, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let start = options.start.unwrap_or_else(clock::wall);
        let clock = Clock::starting(start, options.frozen);
        let state = Arc::new(SimulatorState::new(world, options, clock, url));
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("github-sim").enable_all().build()?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(entered);
        runtime.spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { state, runtime: Some(runtime) })
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    /// Advances the simulated time.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Freezes the simulated time; from then on only [`Self::advance`] changes it.
    pub fn freeze(&self) {
        self.state.clock.freeze();
    }

    /// The injected faults, which can be added and cleared at any time.
    pub fn faults(&self) -> &ApiFaults {
        &self.state.faults
    }

    /// All requests since the start or the last [`Self::reset_log`].
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.state.log().records()
    }

    /// The maximum number of concurrent requests since the last [`Self::reset_log`].
    pub fn max_concurrency(&self) -> usize {
        self.state.log().max_in_flight()
    }

    /// Clears the log of requests and of points spent; the rate limits are not reset.
    pub fn reset_log(&self) {
        self.state.log().clear();
        self.state.rate_limits().reset_spent();
    }

    /// How many tokens were minted for installations since the start.
    pub fn tokens_minted(&self) -> u64 {
        self.state.token_store.minted()
    }

    /// Points spent on a resource (`core`, `graphql`) by all tokens since the last
    /// [`Self::reset_log`].
    pub fn points_used(&self, resource: &str) -> u64 {
        self.state.rate_limits().spent(resource)
    }

    /// What a complete collector must find; reflects later edits.
    pub fn truth(&self) -> GroundTruth {
        GroundTruth::following(Arc::clone(&self.state.world))
    }

    /// Changes the world while it is served.
    pub fn edit<T>(&self, change: impl FnOnce(&mut GithubWorld) -> T) -> T {
        change(&mut self.state.write())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime blocks, which is not allowed inside another runtime.
            runtime.shutdown_background();
        }
    }
}

//! The life cycle of a replica: bind, build, serve until it is stopped, drain within the grace period.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_supervisor::{DuplicateId, Exit, Observable, install_panic_hook};
use actix_web::dev::ServerHandle;
use futures::future::join_all;
use github_stats_actors::clock::Clock;
use github_stats_actors::events::EventObserver;
use github_stats_actors::fleet::{LeaveFleet, PeerExchange};
use github_stats_actors::health::{Dependency, Probe};
use github_stats_actors::role::{ElectionBasis, Elector, Resign, Roles};
use rand::RngExt;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::queue::BackfillQueue;
use super::rate_limiters::{RateLimiters, quotas};
use super::signals::Signals;
use super::sources::{SourcesError, organisations};
use super::stores::Stores;
use super::tree::{Organisation, Tree, TreeParts, start};
use crate::config::{Config, SecretSource};
use crate::disk::DiskProbe;
use crate::fleet::FleetExchange;
use crate::github::RequestMeter;
use crate::http::{AdminAccess, AppState, HttpSettings, serve};
use crate::replica::ReplicaState;
use crate::slo::{CountHistory, CounterSnapshot};
use crate::telemetry::{Build, Metrics, MetricsError, Otel, QueueNames};

/// How often the admin token is read again.
const TOKEN_REFRESH: Duration = Duration::from_secs(10);
/// How soon the counters are recorded again while those of all replicas are not known.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(1);
/// How long an election backend may take to release leadership.
const RESIGN_LIMIT: Duration = Duration::from_secs(1);
/// How long withdrawing this replica's report may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);
/// How long exporting the last traces and metrics may take; at most a quarter of the grace period.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
/// How long HTTP answers in progress may take at the end.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The settings of a [`Service`].
pub struct ServiceSettings {
    /// The checked configuration.
    pub config: Config,
    /// The replica's name.
    pub replica: String,
    /// The elector of each shard; at least one.
    pub electors: Vec<Arc<dyn Elector>>,
    /// Whether faults may be injected into actors through the admin API.
    pub chaos: bool,
    /// The stores.
    pub stores: Stores,
    /// GitHub's clock.
    pub clock: Arc<Clock>,
    /// The OTLP export; `None` without a collector.
    pub otel: Option<Otel>,
}

/// Why a replica did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address} ({cause}): choose another server.listen_addr, or stop what listens there"
    )]
    Listen {
        /// The address.
        address: String,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
    /// The credentials or the source of an organisation cannot be used.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// The metrics cannot be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Two actors would share a name.
    #[error("cannot build the tree: {0}")]
    Tree(#[from] DuplicateId),
    /// Signals cannot be received.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// A running replica.
pub struct Service {
    tree: Tree,
    http: ServerHandle,
    signals: Signals,
    shutdown: Arc<Notify>,
    grace: Duration,
    drain_delay: Duration,
    otel: Option<Otel>,
}

impl Service {
    /// Starts a replica on the current arbiter.
    ///
    /// # Errors
    /// See [`ServiceError`]; nothing is left running then.
    pub async fn start(settings: ServiceSettings) -> Result<Self, ServiceError> {
        install_panic_hook();
        let signals = Signals::new().map_err(ServiceError::Signals)?;
        let config = &settings.config;
        warn_of_unused_shards(config, settings.electors.len());
        let listener = bind(config)?;
        let queues = QueueNames::from_config(&config.amqp);
        let metrics = Metrics::exported(&settings.replica, Build::current(), settings.otel.as_ref(), queues)?;
        metrics.attach(&settings.stores.meter);
        metrics.begin_at_zero(config.github.orgs.iter().map(|org| org.org.as_str()));
        let meter: Arc<dyn RequestMeter> = Arc::new(metrics.github());
        let organisations = organisations(config, &settings.clock, &meter)?;
        let limiters = Arc::new(RateLimiters::of(&organisations));
        let disk = DiskProbe::new(&config.store.path);
        let state = replica_state(&settings, &disk, &organisations);
        metrics.observe(&state);
        let exchange = exchange(&state, &metrics, limiters);
        let tree = start_tree(&settings, state.clone(), organisations, disk, &metrics, exchange).await?;
        if let Some(otel) = &settings.otel {
            otel.send_activity(&state);
        }
        let admin = admin(&settings, &tree);
        let shutdown = admin.shutdown.clone();
        let app = AppState::new(state, metrics, admin);
        record_history(&app);
        let address = config.server.listen_addr.to_string();
        let failed = |cause| ServiceError::Listen { address: address.clone(), cause };
        let (server, http) = serve(HttpSettings::new(vec![listener]), app).map_err(failed)?;
        actix_rt::spawn(server);
        tracing::info!(address, replica = settings.replica, version = env!("CARGO_PKG_VERSION"), "serving");
        let (grace, drain_delay) = (config.server.shutdown_grace, config.server.drain_delay);
        Ok(Service { tree, http, signals, shutdown, grace, drain_delay, otel: settings.otel })
    }

    /// Serves until a signal, a request of an operator or the end of the tree, then drains. Returns
    /// the exit code of the process.
    pub async fn run(mut self) -> u8 {
        let given_up = tokio::select! {
            name = stop_requested(&mut self.signals, &self.shutdown) => {
                tracing::info!(signal = name, grace = ?self.grace, "stopping; a second signal stops at once");
                None
            }
            exit = self.tree.root.wait() => Some(exit),
        };
        if let Some(exit) = &given_up {
            tracing::error!(
                ?exit,
                "the supervision tree gave up; the process ends so that it can be restarted"
            );
        }
        let Service { tree, http, mut signals, grace, drain_delay, otel, .. } = self;
        let flush = if otel.is_some() { FLUSH_LIMIT.min(grace / 4) } else { Duration::ZERO };
        let drained = tokio::select! {
            exit = drain(&tree, &http, grace - flush, drain_delay) => exit,
            name = signals.next() => {
                tracing::warn!(signal = name, "stopped at once");
                otel.iter().for_each(Otel::abandon);
                return 1;
            }
        };
        if let Some(otel) = otel {
            otel.shutdown(flush).await;
        }
        tracing::info!("stopped");
        given_up.unwrap_or(drained).code()
    }
}

/// Waits for a request to stop; what requested it.
async fn stop_requested(signals: &mut Signals, shutdown: &Notify) -> &'static str {
    tokio::select! {
        name = signals.next() => name,
        () = shutdown.notified() => "POST /api/admin/shutdown",
    }
}

/// Shuts down in the order that clients need: becomes unready, hands over leadership, stops the
/// tree, and only then stops serving. Takes at most `grace`, also when a part of it hangs.
async fn drain(tree: &Tree, http: &ServerHandle, grace: Duration, drain_delay: Duration) -> Exit {
    let deadline = Instant::now() + grace;
    tree.state.begin_draining();
    sleep(drain_delay).await;
    let led = tree.state.roles.leads().is_some();
    let asked = Instant::now();
    let resigned = tree.roles.iter().map(|role| role.call_within(Resign, RESIGN_LIMIT));
    // All of them, even if one fails.
    let resigned: Result<Vec<()>, _> = join_all(resigned).await.into_iter().collect();
    match resigned {
        Ok(_) if led => tracing::info!(took = ?asked.elapsed(), "leadership was handed over"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "leadership was not handed over; it ends at its deadline"),
    }
    // Before the tree stops, because an actor of it sends the last counts.
    if let Err(error) = tree.fleet.call_within(LeaveFleet, LEAVE_LIMIT).await {
        tracing::debug!(%error, "this replica's report was not withdrawn; it expires");
    }
    let left = || deadline.saturating_duration_since(Instant::now());
    let exit = tree.root.shutdown(left().saturating_sub(LAST_ANSWERS)).await;
    if timeout(left().max(LAST_ANSWERS), http.stop(true)).await.is_err() {
        tracing::warn!("some HTTP clients were disconnected before they had read their answers");
    }
    exit
}

/// Warns where the configuration has shards that have no effect.
fn warn_of_unused_shards(config: &Config, electors: usize) {
    if config.leader_election.shards > 1 && electors == 1 {
        tracing::warn!(
            "leader_election.shards has no effect: one replica leads everything where there is no election over Kubernetes or Redis"
        );
    }
}

fn bind(config: &Config) -> Result<TcpListener, ServiceError> {
    let address = config.server.listen_addr.to_string();
    TcpListener::bind(&address).map_err(|cause| ServiceError::Listen { address, cause })
}

fn probes(config: &Config, disk: DiskProbe) -> Vec<Arc<dyn Probe>> {
    if config.store.has_directory() { vec![Arc::new(disk)] } else { Vec::new() }
}

/// The state of a replica whose actors are not started yet.
fn replica_state(
    settings: &ServiceSettings,
    disk: &DiskProbe,
    organisations: &[Organisation],
) -> ReplicaState {
    let electors = &settings.electors;
    let basis = electors.first().map_or_else(ElectionBasis::default, |elector| elector.basis());
    let roles = Roles::new(basis, electors.len() as u32);
    ReplicaState {
        dependencies: dependencies(&settings.config),
        connections: settings.stores.connections.clone(),
        quotas: quotas(organisations),
        disk: disk.space(),
        ..ReplicaState::new(settings.replica.clone(), settings.clock.clone(), roles)
    }
}

/// The dependencies of a replica with this configuration.
fn dependencies(config: &Config) -> Vec<Dependency> {
    let mut dependencies = vec![Dependency::Github, Dependency::Election];
    if config.amqp.url().is_some() {
        dependencies.push(Dependency::Amqp);
    }
    if config.store.has_directory() {
        dependencies.push(Dependency::Disk);
    }
    if config.store.is_shared() {
        dependencies.push(Dependency::Redis);
    }
    dependencies
}

/// This replica's side of the exchange with the others.
fn exchange(state: &ReplicaState, metrics: &Metrics, limiters: Arc<RateLimiters>) -> Arc<dyn PeerExchange> {
    let writer = format!("{}_{:032x}", state.name, rand::rng().random::<u128>());
    Arc::new(FleetExchange::new(state.clone(), metrics.clone(), limiters, writer))
}

async fn start_tree(
    settings: &ServiceSettings,
    state: ReplicaState,
    organisations: Vec<Organisation>,
    disk: DiskProbe,
    metrics: &Metrics,
    exchange: Arc<dyn PeerExchange>,
) -> Result<Tree, ServiceError> {
    let config = &settings.config;
    let observer: Arc<dyn EventObserver> = Arc::new(metrics.clone());
    let parts = TreeParts {
        state,
        stores: settings.stores.clone(),
        organisations,
        electors: settings.electors.clone(),
        backfill: BackfillQueue::open(config, &settings.replica, &settings.stores, &observer).await,
        observer,
        probes: probes(config, disk),
        exchange: Some(exchange),
    };
    Ok(start(config, parts)?)
}

/// The operators' API. Its token is read again and again, so that a rotated file needs no restart.
fn admin(settings: &ServiceSettings, tree: &Tree) -> AdminAccess {
    let token = Observable::new(None);
    if let Some(source) = settings.config.server.admin_token() {
        actix_rt::spawn(keep_token(source, token.clone()));
    }
    AdminAccess {
        token,
        chaos: settings.chaos,
        dead_letters: Some(tree.dead_letters.clone()),
        maintenance: Some(tree.maintenance.clone()),
        shutdown: Arc::default(),
    }
}

/// Reads the token again and again, so that a rotated file needs no restart.
async fn keep_token(source: SecretSource, token: Observable<Option<SecretString>>) {
    loop {
        match source.read().await {
            Ok(secret) => token.set(Some(SecretString::from(secret.expose().to_owned()))),
            Err(error) => {
                tracing::warn!(%error, "the admin token cannot be read; the last one remains valid");
            }
        }
        sleep(TOKEN_REFRESH).await;
    }
}

/// Records the counters from time to time, so that objectives can be judged over a period.
fn record_history(app: &AppState) {
    let (history, replica, metrics) = (app.history.clone(), app.replica.clone(), app.metrics.clone());
    actix_rt::spawn(async move {
        loop {
            let snapshot = CounterSnapshot::now(&replica, &metrics);
            // The counts of all replicas are known a moment after the start. The period is to begin there.
            let pause = if snapshot.cycles.is_some() || history.knows_cycles() {
                CountHistory::PERIOD
            } else {
                FIRST_SNAPSHOT
            };
            history.add(snapshot);
            sleep(pause).await;
        }
    });
}

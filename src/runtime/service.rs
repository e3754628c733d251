//! A replica's life: bind, build, serve until told to stop, drain within grace.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_supervisor::Observable;
use actix_supervisor::{DuplicateId, Exit, install_panic_hook};
use actix_web::dev::ServerHandle;
use futures::future::join_all;
use github_stats_actors::clock::Clock;
use github_stats_actors::events::EventObserver;
use github_stats_actors::fleet::{LeaveFleet, PeerExchange};
use github_stats_actors::health::Probe;
use github_stats_actors::role::{Elector, Resign};
use rand::RngExt;
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::queue::BackfillQueue;
use super::rate_limiters::{RateLimiters, quotas};
use super::sources::{SourcesError, organisations};
use super::stores::Stores;
use super::tree::{FleetParts, Shown, Tree, TreeParts, start};
use crate::config::{Config, SecretSource};
use crate::disk::{DiskProbe, DiskSpace};
use crate::github::RequestMeter;
use crate::http::{AdminAccess, AppState, HttpSettings, serve};
use crate::slo::{CountHistory, CounterReading};
use crate::telemetry::{
    Build, Dependency, Fleet, FleetExchange, Metrics, MetricsError, Otel, QueueNames, Quotas, Sources,
};

/// How often the admin token's file is read again.
const TOKEN_REFRESH: Duration = Duration::from_secs(10);
/// How soon the counts are read again while what all replicas count together is not known.
const FIRST_READING: Duration = Duration::from_secs(1);
/// How long an election backend may take to let go of leadership.
const RESIGN_LIMIT: Duration = Duration::from_secs(1);

/// How long taking leave of the other replicas may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// How long sending the last traces and metrics may take, at most a quarter of the grace.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);

/// How long answers under way may take at the end.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// What a replica is made of.
pub struct ServiceSettings {
    /// The checked configuration.
    pub config: Config,
    /// The replica's name.
    pub replica: String,
    /// How leadership is decided, in each shard; at least one.
    pub electors: Vec<Arc<dyn Elector>>,
    /// Whether actors may be broken through the admin API.
    pub chaos: bool,
    /// Where everything is kept.
    pub stores: Stores,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// Where traces and metrics are sent, if anywhere.
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
        /// What the operating system said.
        #[source]
        cause: std::io::Error,
    },
    /// An organisation cannot be asked for.
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
        warn_of_shards(config, settings.electors.len());
        let listener = bind(config)?;
        let queues = QueueNames::from_config(&config.amqp);
        let metrics = Metrics::sent(&settings.replica, Build::current(), settings.otel.as_ref(), queues)?;
        metrics.attach(&settings.stores.meter);
        metrics.begin_at_zero(config.github.orgs.iter().map(|org| org.org.as_str()));
        let meter: Arc<dyn RequestMeter> = Arc::new(metrics.github());
        let observer: Arc<dyn EventObserver> = Arc::new(metrics.clone());
        let organisations = organisations(config, &settings.clock, &meter)?;
        let quotas = quotas(&organisations);
        let rate_limiters = Arc::new(RateLimiters::of(&organisations));
        let disk = DiskProbe::new(&config.store.path);
        let sources = sources(&settings, disk.space(), quotas);
        let parts = TreeParts {
            stores: settings.stores.clone(),
            organisations,
            clock: settings.clock.clone(),
            electors: settings.electors.clone(),
            backfill: BackfillQueue::open(config, &settings.replica, &settings.stores, &observer).await,
            observer,
            probes: probes(config, disk),
            fleet: Some(fleet(&settings, sources.clone(), metrics.clone(), rate_limiters)),
        };
        let tree = start(config, parts)?;
        if let Some(otel) = &settings.otel {
            otel.send_activity(tree.shown.published.clone(), tree.shown.roles.first().clone());
        }
        let sources = sources(&tree.shown);
        metrics.observe(&sources);
        let admin = admin(&settings, &tree);
        let shutdown = admin.shutdown.clone();
        let state = AppState::new(tree.shown.activity.clone(), metrics, sources, admin);
        keep_readings(&state);
        let address = config.server.listen_addr.to_string();
        let failed = |cause| ServiceError::Listen { address: address.clone(), cause };
        let (server, http) = serve(HttpSettings::new(vec![listener]), state).map_err(failed)?;
        actix_rt::spawn(server);
        tracing::info!(address, replica = settings.replica, version = env!("CARGO_PKG_VERSION"), "serving");
        let (grace, drain_delay) = (config.server.shutdown_grace, config.server.drain_delay);
        Ok(Service { tree, http, signals, shutdown, grace, drain_delay, otel: settings.otel })
    }

    /// Serves until a signal or an operator comes or the tree gives up, then drains; the exit code of the process.
    pub async fn run(mut self) -> u8 {
        let given_up = tokio::select! {
            name = stop_asked(&mut self.signals, &self.shutdown) => {
                tracing::info!(signal = name, grace = ?self.grace, "stopping; a second signal stops at once");
                None
            }
            exit = self.tree.root.wait() => Some(exit),
        };
        if let Some(exit) = &given_up {
            tracing::error!(
                ?exit,
                "the supervision tree gave up; the process ends so that it can be started anew"
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

/// Who asks the process to stop, once somebody does.
async fn stop_asked(signals: &mut Signals, shutdown: &Notify) -> &'static str {
    tokio::select! {
        name = signals.next() => name,
        () = shutdown.notified() => "POST /api/admin/shutdown",
    }
}

/// Readiness falls first, `/metrics` last: unready, hand over leadership, stop the tree, then stop serving. All of it within
/// `grace`, whoever hangs.
async fn drain(tree: &Tree, http: &ServerHandle, grace: Duration, drain_delay: Duration) -> Exit {
    let deadline = Instant::now() + grace;
    tree.shown.draining.store(true, Ordering::Release);
    sleep(drain_delay).await;
    let led = tree.shown.roles.leads().is_some();
    let asked = Instant::now();
    let resigned = tree.roles.iter().map(|role| role.call_within(Resign, RESIGN_LIMIT));
    // All of them, whichever fails first.
    let resigned: Result<Vec<()>, _> = join_all(resigned).await.into_iter().collect();
    match resigned {
        Ok(_) if led => tracing::info!(took = ?asked.elapsed(), "leadership was handed over"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "leadership was not handed over; it ends at its deadline"),
    }
    // Before the tree stops: what was counted to the last moment is handed over by an actor of it.
    if let Err(error) = tree.fleet.call_within(LeaveFleet, LEAVE_LIMIT).await {
        tracing::debug!(%error, "the other replicas were not told; this one expires among them");
    }
    let left = || deadline.saturating_duration_since(Instant::now());
    let exit = tree.root.shutdown(left().saturating_sub(LAST_ANSWERS)).await;
    if timeout(left().max(LAST_ANSWERS), http.stop(true)).await.is_err() {
        tracing::warn!("some HTTP clients were cut off: they did not take their answers in time");
    }
    exit
}

/// Says where the configuration asks for shards in vain, so that nobody relies on them.
fn warn_of_shards(config: &Config, electors: usize) {
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

/// Makes what the metrics are read from, given what the tree shows.
fn sources(
    settings: &ServiceSettings,
    disk: Observable<Option<DiskSpace>>,
    quotas: Quotas,
) -> impl Fn(&Shown) -> Sources + Clone + 'static {
    let mut dependencies = vec![Dependency::Github, Dependency::Election];
    if settings.config.amqp.url().is_some() {
        dependencies.push(Dependency::Amqp);
    }
    if settings.config.store.has_directory() {
        dependencies.push(Dependency::Disk);
    }
    if settings.config.store.is_shared() {
        dependencies.push(Dependency::Redis);
    }
    let connections = settings.stores.connections.clone();
    let (replica, clock, fleet) = (settings.replica.clone(), settings.clock.clone(), Fleet::default());
    move |shown| Sources {
        replica: replica.clone(),
        clock: clock.clone(),
        health: shown.health.clone(),
        scheduler: shown.scheduler.clone(),
        queue: shown.queue.clone(),
        roles: shown.roles.clone(),
        tree: shown.tree.clone(),
        draining: shown.draining.clone(),
        dependencies: dependencies.clone(),
        store: shown.store.clone(),
        connections: connections.clone(),
        quotas: quotas.clone(),
        fleet: fleet.clone(),
        disk: disk.clone(),
        pauses: shown.pauses.clone(),
    }
}

fn fleet(
    settings: &ServiceSettings,
    sources: impl Fn(&Shown) -> Sources + 'static,
    metrics: Metrics,
    rate_limiters: Arc<RateLimiters>,
) -> FleetParts {
    let writer = format!("{}_{:032x}", settings.replica, rand::rng().random::<u128>());
    let exchange = move |shown: &Shown| -> Arc<dyn PeerExchange> {
        let (metrics, rate_limiters) = (metrics.clone(), rate_limiters.clone());
        Arc::new(FleetExchange::new(sources(shown), metrics, rate_limiters, writer.clone()))
    };
    FleetParts { replica: settings.replica.clone(), exchange: Box::new(exchange) }
}

/// The admin token, read again so that a rotated file needs no restart.
fn admin(settings: &ServiceSettings, tree: &Tree) -> AdminAccess {
    let token = Observable::new(None);
    if let Some(source) = settings.config.server.admin_token() {
        let shown = token.clone();
        actix_rt::spawn(async move {
            loop {
                refresh(&source, &shown).await;
                sleep(TOKEN_REFRESH).await;
            }
        });
    }
    AdminAccess {
        token,
        chaos: settings.chaos,
        letters: Some(tree.letters.clone()),
        maintenance: Some(tree.maintenance.clone()),
        shutdown: Arc::default(),
    }
}

/// Keeps readings of what was counted, so that objectives can be judged by a period.
fn keep_readings(state: &AppState) {
    let (history, sources, metrics) = (state.history.clone(), state.sources.clone(), state.metrics.clone());
    actix_rt::spawn(async move {
        loop {
            let reading = CounterReading::now(&sources, &metrics);
            // What all count together is known a moment after the start, and is not to be told of all time.
            let pause = if reading.cycles.is_some() || history.knows_cycles() {
                CountHistory::PERIOD
            } else {
                FIRST_READING
            };
            history.add(reading);
            sleep(pause).await;
        }
    });
}

async fn refresh(source: &SecretSource, shown: &Observable<Option<SecretString>>) {
    match source.read().await {
        Ok(secret) => shown.set(Some(SecretString::from(secret.expose().to_owned()))),
        Err(error) => tracing::warn!(%error, "the admin token cannot be read; the last one remains valid"),
    }
}

/// The signals that ask a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

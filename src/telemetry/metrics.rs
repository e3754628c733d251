//! The counters of the process.

use std::fmt;
use std::sync::Arc;

use github_stats_actors::loc::LocEvent;
use github_stats_actors::observer::Observer;
use github_stats_actors::queue::{JobReason, QueueEvent};
use github_stats_actors::scheduler::SchedulerEvent;
use github_stats_actors::store::{StoreEvent, WriteSource};
use prometheus::{HistogramVec, IntCounterVec, Registry};

use super::derived;
use super::instruments::Instruments;
use super::store_metrics::StoreMetrics;
use super::{
    GithubMetrics, HttpMetrics, LocSources, Otel, QueueNames, Scrapes, StoreMeter, catalogue, gather,
    machine, vectors,
};
use crate::exposition::MetricFamily;
use crate::replica::ReplicaState;

/// In seconds: cycles take from a second to, for thousands of repositories, an hour.
const CYCLE_BOUNDS: [f64; 11] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

/// The build that is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version, as in `1.2.3`.
    pub version: String,
    /// The revision it was built from, or `unknown`.
    pub revision: String,
}

impl Build {
    /// The present build; the revision is what `GITHUB_STATS_REVISION` was when it was compiled.
    pub fn current() -> Self {
        let revision = option_env!("GITHUB_STATS_REVISION").unwrap_or("unknown");
        Build { version: env!("CARGO_PKG_VERSION").to_owned(), revision: revision.to_owned() }
    }
}

/// A metric could not be set up: two of one name, or an invalid one. Always a mistake in the catalogue.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be set up: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// The counters of the process. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    replica: String,
    queues: QueueNames,
    build: Build,
    registry: Registry,
    instruments: Instruments,
    github: GithubMetrics,
    http: HttpMetrics,
    scrapes: Scrapes,
    events: EventMetrics,
    store: StoreMetrics,
    loc_sources: LocSources,
}

struct EventMetrics {
    scrape_runs: IntCounterVec,
    scrape_duration: HistogramVec,
    windows_given_up: IntCounterVec,
    enqueued: IntCounterVec,
    deduped: IntCounterVec,
    dropped: IntCounterVec,
    processed: IntCounterVec,
    store_writes: IntCounterVec,
    dead_lettered: IntCounterVec,
    amqp_publishes: IntCounterVec,
    series_refused: IntCounterVec,
    loc_budget_exhausted: IntCounterVec,
}

impl Metrics {
    /// The metrics of the replica of this name, all zero.
    ///
    /// # Errors
    /// [`MetricsError`] if the catalogue is inconsistent.
    pub fn new(replica: &str, build: Build) -> Result<Self, MetricsError> {
        Self::exported(replica, build, None, QueueNames::default())
    }

    /// The same; what an instrument measures is also exported over OTLP, if there is a collector.
    ///
    /// # Errors
    /// [`MetricsError`] if the catalogue is inconsistent.
    pub fn exported(
        replica: &str,
        build: Build,
        otel: Option<&Otel>,
        queues: QueueNames,
    ) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let instruments = Instruments::new(&registry, otel)?;
        instruments.observe(&[catalogue::OTEL_FAILURES], failures(replica, otel));
        Ok(Metrics(Arc::new(Inner {
            replica: replica.to_owned(),
            queues,
            build,
            github: GithubMetrics::new(&registry)?,
            http: HttpMetrics::new(replica, &instruments),
            scrapes: Scrapes::new(),
            events: EventMetrics::new(&registry)?,
            store: StoreMetrics::new(replica, &registry)?,
            loc_sources: LocSources::default(),
            instruments,
            registry,
        })))
    }

    /// Adds the metrics of the process and of the actors in the replica's tree.
    pub fn observe(&self, replica: &ReplicaState) {
        let name = replica.name.clone();
        self.0.instruments.observe(&catalogue::PROCESS, move || machine::process(&name));
        let (name, tree) = (replica.name.clone(), replica.tree.clone());
        let read = move || tree.get().map_or_else(Vec::new, |root| derived::actors(&name, &root.tree()));
        self.0.instruments.observe(&catalogue::ACTORS, read);
    }

    /// The name of the replica: the value of the `replica` label.
    pub fn replica(&self) -> &str {
        &self.0.replica
    }

    /// The values of the `queue` label.
    pub(super) fn queues(&self) -> &QueueNames {
        &self.0.queues
    }

    /// The build that is running.
    pub fn build(&self) -> &Build {
        &self.0.build
    }

    /// The metrics of requests to GitHub.
    pub fn github(&self) -> GithubMetrics {
        self.0.github.clone()
    }

    /// The metrics of the HTTP server.
    pub fn http(&self) -> HttpMetrics {
        self.0.http.clone()
    }

    /// Records what a store's meter measures from now on.
    pub fn attach(&self, meter: &StoreMeter) {
        meter.attach(self.0.store.clone());
    }

    /// Exposes the counters that have alerts at zero: one that first appears with its first count
    /// shows no increase.
    pub fn begin_at_zero<'a>(&self, orgs: impl IntoIterator<Item = &'a str>) {
        let events = &self.0.events;
        events.dead_lettered.with_label_values(&[self.0.queues.dead_letters.as_str()]);
        events.series_refused.with_label_values::<&str>(&[]);
        for source in [WriteSource::LeaderScrape, WriteSource::WorkerBackfill] {
            for result in ["success", "failure"] {
                events.store_writes.with_label_values(&[source.as_str(), result]);
            }
        }
        for org in orgs {
            events.windows_given_up.with_label_values(&[org]);
            events.loc_budget_exhausted.with_label_values(&[org]);
            self.0.github.begin_at_zero(org);
            for reason in
                [JobReason::ScrapeError, JobReason::RateLimited, JobReason::GithubUnhealthy, JobReason::Gap]
            {
                events.dropped.with_label_values(&[org, reason.as_str()]);
            }
        }
    }

    /// The scrapes of this replica.
    pub fn scrapes(&self) -> &Scrapes {
        &self.0.scrapes
    }

    /// The sources of lines of code.
    pub fn loc_sources(&self) -> &LocSources {
        &self.0.loc_sources
    }

    /// The present values of all counters.
    pub fn families(&self) -> Vec<MetricFamily> {
        let build = &self.0.build;
        let labels = [self.replica(), &build.version, &build.revision];
        let mut families = gather::gather(&self.0.registry);
        families.push(catalogue::BUILD_INFO.family().with(&labels, 1.0));
        families
    }
}

/// Reads how many batches of telemetry could not be exported; zero without a collector.
fn failures(replica: &str, otel: Option<&Otel>) -> impl Fn() -> Vec<MetricFamily> + use<> {
    let (replica, otel) = (replica.to_owned(), otel.cloned());
    move || {
        let mut family = catalogue::OTEL_FAILURES.family();
        let counted = otel.as_ref().map_or([("traces", 0), ("metrics", 0)], Otel::failures);
        counted.iter().for_each(|(signal, count)| family.push(&[&replica, signal], *count as f64));
        vec![family]
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("replica", &self.0.replica).field("build", &self.0.build).finish()
    }
}

impl EventMetrics {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(EventMetrics {
            scrape_runs: vectors::counters(&catalogue::SCRAPE_RUNS, registry)?,
            scrape_duration: vectors::histograms(&catalogue::SCRAPE_DURATION, &CYCLE_BOUNDS, registry)?,
            windows_given_up: vectors::counters(&catalogue::WINDOWS_GIVEN_UP, registry)?,
            enqueued: vectors::counters(&catalogue::JOBS_ENQUEUED, registry)?,
            deduped: vectors::counters(&catalogue::JOBS_DEDUPED, registry)?,
            dropped: vectors::counters(&catalogue::ENQUEUES_DROPPED, registry)?,
            processed: vectors::counters(&catalogue::JOBS_PROCESSED, registry)?,
            store_writes: vectors::counters(&catalogue::STORE_WRITES, registry)?,
            dead_lettered: vectors::counters(&catalogue::EVENTS_DLQ, registry)?,
            amqp_publishes: vectors::counters(&catalogue::AMQP_PUBLISH, registry)?,
            series_refused: vectors::counters(&catalogue::STORE_SERIES_REFUSED, registry)?,
            loc_budget_exhausted: vectors::counters(&catalogue::LOC_BUDGET_EXHAUSTED, registry)?,
        })
    }
}

fn count(counter: &IntCounterVec, labels: &[&str]) {
    counter.with_label_values(labels).inc();
}

impl Observer<StoreEvent> for Metrics {
    fn on_event(&self, event: StoreEvent) {
        let metrics = &self.0.events;
        match event {
            StoreEvent::BatchWritten { source, success } => {
                let result = if success { "success" } else { "failure" };
                count(&metrics.store_writes, &[source.as_str(), result]);
            }
            StoreEvent::SeriesRefused { count } => {
                metrics.series_refused.with_label_values::<&str>(&[]).inc_by(count);
            }
        }
    }
}

impl Observer<QueueEvent> for Metrics {
    fn on_event(&self, event: QueueEvent) {
        let metrics = &self.0.events;
        match event {
            QueueEvent::JobEnqueued { org, reason } => {
                count(&metrics.enqueued, &[org.as_str(), reason.as_str()]);
            }
            QueueEvent::JobDeduplicated { org, reason } => {
                count(&metrics.deduped, &[org.as_str(), reason.as_str()]);
            }
            QueueEvent::JobDropped { org, reason } => {
                count(&metrics.dropped, &[org.as_str(), reason.as_str()]);
            }
            QueueEvent::JobProcessed { org, repo, outcome } => {
                count(&metrics.processed, &[org.as_str(), repo.as_str(), outcome.as_str()]);
            }
            QueueEvent::JobDeadLettered => {
                count(&metrics.dead_lettered, &[self.0.queues.dead_letters.as_str()]);
            }
            QueueEvent::MessagePublished { confirmed } => {
                let result = if confirmed { "confirmed" } else { "failed" };
                count(&metrics.amqp_publishes, &[self.0.replica.as_str(), result]);
            }
        }
    }
}

impl Observer<LocEvent> for Metrics {
    fn on_event(&self, event: LocEvent) {
        match event {
            LocEvent::RoundFinished { org, repositories } => self.0.loc_sources.replace(&org, &repositories),
            LocEvent::BudgetExhausted { org } => {
                let metrics = &self.0.events;
                count(&metrics.loc_budget_exhausted, &[org.as_str()]);
            }
        }
    }
}

impl Observer<SchedulerEvent> for Metrics {
    fn on_event(&self, event: SchedulerEvent) {
        let metrics = &self.0.events;
        match event {
            SchedulerEvent::CycleFinished { org, result, took } => {
                metrics.scrape_duration.with_label_values(&[org.as_str()]).observe(took.as_secs_f64());
                count(&metrics.scrape_runs, &[org.as_str(), result.as_str()]);
            }
            SchedulerEvent::WindowGivenUp { org } => {
                count(&metrics.windows_given_up, &[org.as_str()]);
            }
        }
    }
}

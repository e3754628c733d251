//! Every operational metric. `docs/METRICS.md` describes each; a test keeps the two in step.

use crate::exposition::{Desc, MetricKind};

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $desc:expr;)*) => {
        $($(#[$doc])* pub const $name: Desc = $desc;)*
        /// All of them.
        pub const OPERATIONS: &[Desc] = &[$($name),*];
    };
}

catalogue! {
    // === Collecting ===

    /// Counted when a cycle ends.
    SCRAPE_RUNS = Desc::counter("gh_exporter_scrape_runs_total", "Scrape cycles of an organisation by how they ended.", &["org", "result"]);
    /// Observed when a cycle ends.
    SCRAPE_DURATION = Desc::histogram("gh_exporter_scrape_duration_seconds", "How long scrape cycles took.", &["org"]);
    /// 1 for the present state.
    ORG_STATE = Desc::gauge("gh_exporter_org_state", "Whether the organisation is in this state of the cooldown.", &["org", "state"]);
    /// As of the last cycle.
    COVERAGE_RATIO = Desc::gauge("gh_activity_coverage_ratio", "Covered of what was due in the last 24 hours, the mean over repositories.", &["org"]);
    /// Ages between cycles.
    FRESHNESS = Desc::gauge("gh_activity_freshness_seconds", "Age of the newest instant covered.", &["org"]);
    /// Counted by garbage collection.
    WINDOWS_GIVEN_UP = Desc::counter("gh_exporter_windows_given_up_total", "Gaps given up because they lie beyond retention.", &["org"]);
    /// Exposed by the leader.
    MAINTENANCE = Desc::gauge("gh_exporter_maintenance", "Whether an operator has paused scraping of the organisation.", &["org"]);
    /// As of the last cycle of any organisation.
    LEADER_CYCLE = Desc::gauge("gh_exporter_leader_cycle_last_run_unixtime", "When the leader's latest scrape cycle ended, in Unix time.", &[]);

    // === GitHub ===

    /// Counted per answer, or failure to get one.
    GITHUB_REQUESTS = Desc::counter("gh_exporter_github_requests_total", "Requests to GitHub by the class of their status.", &["org", "endpoint", "status_class"]);
    /// Observed per answer, or failure to get one.
    GITHUB_DURATION = Desc::histogram("gh_exporter_github_request_duration_seconds", "How long requests to GitHub took.", &["org", "endpoint"]);
    /// As of the last answer.
    RATE_LIMIT_REMAINING = Desc::gauge("gh_exporter_github_rate_limit_remaining", "Requests or points left until GitHub's rate limit resets.", &["org", "installation_id"]);
    /// As of the last answer.
    RATE_LIMIT_RESET = Desc::gauge("gh_exporter_github_rate_limit_reset_unixtime", "When GitHub's rate limit resets, in Unix time.", &["org", "installation_id"]);
    /// Counted per refusal.
    SECONDARY_LIMIT_HITS = Desc::counter("gh_exporter_github_secondary_limit_hits_total", "Refusals because of GitHub's secondary rate limits.", &["org"]);

    /// As of the last answer.
    API_BUDGET = Desc::gauge("gh_exporter_api_budget_points", "Points of GitHub's hourly limit by what becomes of them.", &["org", "resource", "state"]);

    /// As of the last refresh of lines of code.
    LOC_SOURCE_MODE = Desc::gauge("gh_exporter_loc_source_mode", "Where the lines of the repository's commits come from.", &["org", "repo", "mode"]);
    /// As of the last refresh of lines of code.
    LOC_INCOMPLETE = Desc::gauge("gh_exporter_loc_fallback_incomplete", "Whether lines are missing because of a limit on single commits.", &["org", "repo"]);
    /// Counted once an hour at most.
    LOC_BUDGET_EXHAUSTED = Desc::counter("gh_exporter_loc_fallback_budget_exhausted_total", "Hours in which the requests for single commits were used up.", &["org"]);

    // === Backfill ===

    /// Counted when the queue has the job.
    JOBS_ENQUEUED = Desc::counter("gh_exporter_backfill_jobs_enqueued_total", "Backfill jobs put into the queue.", &["org", "reason"]);
    /// Counted instead of enqueueing.
    JOBS_DEDUPED = Desc::counter("gh_exporter_backfill_jobs_deduped_total", "Backfill jobs kept out of the queue because one like it is alive.", &["org", "reason"]);
    /// Counted instead of enqueueing.
    ENQUEUES_DROPPED = Desc::counter("gh_exporter_backfill_enqueues_dropped_total", "Backfill jobs left for the next sweep because of a cap or a queue that refused.", &["org", "reason"]);
    /// Counted when a worker lets go of the job.
    JOBS_PROCESSED = Desc::counter("gh_exporter_backfill_jobs_processed_total", "Backfill jobs worked on by how that ended.", &["org", "repo", "result"]);
    /// As of the last read of the queue.
    QUEUE_DEPTH = Desc::gauge("gh_exporter_queue_depth", "Messages in the queue.", &["queue"]);
    /// As of the last read of the queue.
    QUEUE_OLDEST = Desc::gauge("gh_exporter_queue_oldest_message_age_seconds", "Age of the oldest message in the queue; 0 when it is empty.", &["queue"]);

    /// Of the last job received; 0 when none is left.
    CONSUMER_LAG = Desc::gauge("gh_exporter_consumer_lag_seconds", "How long the last job this replica received had been due.", &["replica"]);
    /// Now.
    OUTBOX_BACKLOG = Desc::gauge("gh_exporter_outbox_backlog", "Messages that wait in this replica until the broker is back.", &["replica"]);
    /// Counted when a worker gives up.
    EVENTS_DLQ = Desc::counter("gh_exporter_events_dlq_total", "Messages that became dead letters.", &["queue"]);
    /// Counted when the broker has confirmed, or has not.
    AMQP_PUBLISH = Desc::counter("gh_exporter_amqp_publish_total", "Messages sent to the broker by whether it confirmed to have them.", &["replica", "result"]);

    // === Store ===

    /// Counted per batch.
    STORE_WRITES = Desc::counter("gh_exporter_store_write_total", "Batches written to the store, or refused by it.", &["source", "result"]);
    /// Of the latest snapshot.
    STORE_SERIES = Desc::gauge("gh_exporter_store_series", "Activity series exposed.", &["family"]);
    /// Counted by the replica that enforces the budget.
    STORE_SERIES_REFUSED = Desc::counter("gh_exporter_store_series_refused_total", "Activity series not exposed because of the series budget.", &[]);

    /// Observed per exchange.
    STORE_REQUESTS = Desc::histogram("gh_exporter_store_request_duration_seconds", "How long the store took to answer.", &["replica", "op"]);
    /// Now.
    STORE_CONNECTIONS = Desc::gauge("gh_exporter_store_pool_connections", "Connections to the shared store.", &["replica", "state"]);

    // === Role and health ===

    /// Only while leading.
    LEADER_EPOCH = Desc::gauge("gh_exporter_leader_epoch", "Number of the present leadership.", &[]);
    /// The same from every replica.
    SHARDS = Desc::gauge("gh_exporter_shards", "Parts into which organisations are divided among leaders.", &[]);
    /// Now.
    LEADER_SHARDS = Desc::gauge("gh_exporter_leader_shards", "Parts of the organisations that the replica leads.", &["replica"]);
    /// 1 for the present role.
    ROLE = Desc::gauge("gh_exporter_role", "Whether the replica has this role.", &["replica", "role"]);
    /// Only of what is configured.
    DEPENDENCY_HEALTH = Desc::gauge("gh_exporter_dependency_health", "Whether what the exporter depends on is healthy.", &["dependency"]);
    /// 1 while running.
    ACTOR_UP = Desc::gauge("gh_exporter_actor_up", "Whether the actor is running.", &["replica", "actor"]);
    /// Since the process started.
    ACTOR_RESTARTS = Desc::counter("gh_exporter_actor_restarts_total", "Restarts of the actor by cause.", &["replica", "actor", "reason"]);
    /// Now.
    ACTOR_MAILBOX = Desc::gauge("gh_exporter_actor_mailbox_depth", "Accepted messages that wait to be handled.", &["replica", "actor"]);

    // === Serving ===

    /// Counted when the head of the answer is ready.
    HTTP_REQUESTS = Desc::counter("gh_exporter_http_requests_total", "HTTP requests answered by the class of their status.", &["replica", "path", "status_class"]);
    /// Until the head of the answer is ready.
    HTTP_DURATION = Desc::histogram("gh_exporter_http_request_duration_seconds", "How long it took until HTTP requests began to be answered.", &["replica", "path"]);
    /// Includes the present one.
    SCRAPES = Desc::counter("gh_exporter_metrics_scrapes_total", "Scrapes of this replica, this one included.", &["replica"]);
    /// Of the scrape before the present one.
    SINCE_LAST_SCRAPE = Desc::gauge("gh_exporter_metrics_seconds_since_last_scrape", "Time since the scrape before this one, or since the start.", &["replica"]);
    /// Of the present one.
    LAST_SCRAPE = Desc::gauge("gh_exporter_metrics_last_scrape_timestamp", "When this replica was last scraped, in Unix time.", &["replica"]);

    // === Telemetry ===

    /// Counted when a batch is given up.
    OTEL_FAILURES = Desc::counter("gh_exporter_otel_export_failures_total", "Batches of telemetry that the collector did not take.", &["replica", "signal"]);

    // === Process ===

    /// Always 1.
    BUILD_INFO = Desc::gauge("gh_exporter_build_info", "What is running; always 1.", &["replica", "version", "revision"]);
    /// Of the control group.
    MEMORY_LIMIT = Desc::gauge("gh_exporter_memory_limit_bytes", "Memory the process may use.", &["replica"]);
    /// Of the data directory.
    DISK_FREE = Desc::gauge("gh_exporter_disk_free_bytes", "Space left for the data directory.", &["replica"]);
    /// Of the data directory.
    DISK_TOTAL = Desc::gauge("gh_exporter_disk_total_bytes", "Size of the file system that holds the data directory.", &["replica"]);
    /// User and system.
    PROCESS_CPU = Desc::counter("process_cpu_seconds_total", "Processor time used, user and system.", &["replica"]);
    /// Resident set.
    PROCESS_RSS = Desc::gauge("process_resident_memory_bytes", "Resident memory.", &["replica"]);
    /// Address space.
    PROCESS_VIRTUAL = Desc::gauge("process_virtual_memory_bytes", "Virtual memory.", &["replica"]);
    /// By the machine's clock.
    PROCESS_START = Desc::gauge("process_start_time_seconds", "When the process started, in Unix time.", &["replica"]);
    /// Now.
    PROCESS_OPEN_FDS = Desc::gauge("process_open_fds", "Open file descriptors.", &["replica"]);
    /// Soft limit.
    PROCESS_MAX_FDS = Desc::gauge("process_max_fds", "How many file descriptors may be open.", &["replica"]);
    /// Now.
    PROCESS_THREADS = Desc::gauge("process_threads", "Threads of the operating system.", &["replica"]);
}

/// The metrics of the process that the operating system provides.
pub(super) const PROCESS: [Desc; 7] = [
    PROCESS_CPU,
    PROCESS_RSS,
    PROCESS_VIRTUAL,
    PROCESS_START,
    PROCESS_OPEN_FDS,
    PROCESS_MAX_FDS,
    PROCESS_THREADS,
];
/// The metrics of each actor.
pub(super) const ACTORS: [Desc; 3] = [ACTOR_UP, ACTOR_RESTARTS, ACTOR_MAILBOX];

/// The description of the operational metric of this name.
pub fn description(name: &str) -> Option<&'static Desc> {
    OPERATIONS.iter().find(|desc| desc.name == name)
}

/// Whether all replicas count this metric together, as one sum in the store: it only rises, and it
/// has no label for the replica. An unknown metric belongs to its replica.
pub fn is_counted_together(name: &str) -> bool {
    description(name).is_some_and(|desc| desc.kind != MetricKind::Gauge && !desc.labels.contains(&"replica"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::exposition::ACTIVITY;

    fn descriptions() -> impl Iterator<Item = Desc> {
        ACTIVITY.iter().map(|family| family.desc).chain(OPERATIONS.iter().copied())
    }

    /// Name, type and labels as the documentation's tables have them.
    fn row(desc: &Desc) -> (String, String, String) {
        let kind = match desc.kind {
            MetricKind::Gauge => "gauge",
            MetricKind::Counter => "counter",
            MetricKind::Histogram => "histogram",
        };
        (desc.name.to_owned(), kind.to_owned(), desc.labels.join(", "))
    }

    #[test]
    fn every_metric_is_documented_and_nothing_else_is() {
        let text = include_str!("../../docs/METRICS.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let documented: BTreeSet<_> = rows
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`').to_owned(), cells[2].to_owned(), cells[3].to_owned())
            })
            .collect();
        assert_eq!(documented, descriptions().map(|desc| row(&desc)).collect());
    }

    /// The checks of `promtool check metrics`.
    #[test]
    fn names_and_helps_follow_the_conventions() {
        let mut names = BTreeSet::new();
        for desc in descriptions() {
            let name = desc.name;
            assert!(names.insert(name), "{name} occurs twice");
            assert!(name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{name}");
            assert_eq!(name.ends_with("_total"), desc.kind == MetricKind::Counter, "{name}");
            let reserved = ["_count", "_sum", "_bucket", "_created"];
            assert!(!reserved.iter().any(|suffix| name.ends_with(suffix)), "{name}");
            let not_base = [
                "milliseconds",
                "minutes",
                "hours",
                "days",
                "kilobytes",
                "percent",
                "ms",
                "gauge",
                "counter",
                "histogram",
            ];
            assert!(!name.split('_').any(|word| not_base.contains(&word)), "{name}");
            assert!(desc.help.ends_with('.') && !desc.help.contains(['"', '\\', '\n']), "{name}");
            assert!(!desc.labels.contains(&"le"), "{name}");
            let mut labels = desc.labels.to_vec();
            labels.dedup();
            assert_eq!(labels, desc.labels, "{name}");
        }
    }
}

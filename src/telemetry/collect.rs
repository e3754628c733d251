//! All operational families at one moment.

use super::{Metrics, ScrapeReport, Sources, catalogue, derived, machine, unsent_counts};
use crate::exposition::{MetricFamily, MetricKind, MetricValue, SeriesCounts, merged};

/// Everything there is to tell, by name: of this replica, of the others, and what all count together. Asks no actor and
/// waits for nothing.
pub fn collect(
    sources: &Sources,
    metrics: &Metrics,
    series: &SeriesCounts,
    scrapes: &ScrapeReport,
) -> Vec<MetricFamily> {
    let mut families = sources.fleet.page(own(sources, metrics, scrapes), sources.roles.leads().is_some());
    families.push(derived::series(series));
    merged(families)
}

/// What this replica tells of itself.
///
/// What only a leader knows (the states and completeness of its organisations) is told by that leader only: a follower's
/// idea of it is as old as its last leadership.
pub(super) fn own(sources: &Sources, metrics: &Metrics, scrapes: &ScrapeReport) -> Vec<MetricFamily> {
    let replica = sources.replica.as_str();
    let now = sources.clock.now();
    let epoch = sources.roles.leads();
    let mut families = metrics.families();
    families.retain(|family| !unsent_counts::is_of_all(family));
    families.extend(scrapes.families(replica));
    if epoch.is_some() {
        families.extend(derived::organisations(&sources.led(), &sources.pauses.get(), now));
        families.extend(metrics.lines().families(|org| sources.leads_for(org)));
    }
    families.extend(derived::queue(replica, metrics.queues(), &sources.queue.get(), now));
    if let Some(connections) = &sources.connections {
        let (open, wanted) = connections();
        families.push(derived::connections(replica, open, wanted));
    }
    families.extend(derived::role(replica, &sources.roles));
    families.push(derived::dependencies(&sources.health.get(), &sources.dependencies));
    families.extend(machine(sources));
    date(&mut families);
    families
}

/// What a replica counts for itself began with its process. When counts of all replicas together began, nobody remembers.
fn date(families: &mut [MetricFamily]) {
    let start = families.iter().find(|family| family.name == catalogue::PROCESS_START.name);
    let start = start.and_then(|family| family.samples.first()).map(|sample| sample.value.clone());
    let Some(MetricValue::Number(start)) = start else { return };
    let counts = |family: &&mut MetricFamily| {
        family.kind != MetricKind::Gauge && family.labels.iter().any(|label| label == "replica")
    };
    for family in families.iter_mut().filter(counts) {
        family.samples.iter_mut().for_each(|sample| sample.created = Some(start));
    }
}

fn machine(sources: &Sources) -> Vec<MetricFamily> {
    let labels = [sources.replica.as_str()];
    let mut families = Vec::new();
    if let Some(limit) = machine::memory_limit() {
        families.push(catalogue::MEMORY_LIMIT.family().with(&labels, limit as f64));
    }
    if let Some(space) = *sources.disk.get() {
        families.push(catalogue::DISK_FREE.family().with(&labels, space.free as f64));
        families.push(catalogue::DISK_TOTAL.family().with(&labels, space.total as f64));
    }
    families
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, OnceLock};
    use std::time::Duration;

    use actix_supervisor::Observable;
    use actix_supervisor::{Strategy, SupervisorSpec, start_root};
    use github_stats_actors::activity::{OrgName, RepoName, Timestamp};
    use github_stats_actors::clock::Clock;
    use github_stats_actors::health::{Component, HealthSnapshot, Status};
    use github_stats_actors::loc::{LocEvent, LocSource};
    use github_stats_actors::observer::Observer;
    use github_stats_actors::queue::{JobOutcome, JobReason, QueueEvent, QueueState, QueueStats};
    use github_stats_actors::role::{Epoch, RoleView, Roles};
    use github_stats_actors::scheduler::{
        Completeness, CycleResult, OrgState, OrgStatus, SchedulerEvent, SchedulerState,
    };
    use github_stats_actors::store::{StoreEvent, WriteSource};
    use tokio::time::Instant;

    use super::*;
    use crate::disk::DiskSpace;
    use crate::exposition::{ACTIVITY, ExpositionFormat, encode, testing};
    use github_stats_actors::fleet::PeerExchange;

    use crate::telemetry::{Build, Dependency, Fleet, FleetExchange, QueueNames, SharedQuota, StoreMeter};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn status(state: OrgState) -> OrgStatus {
        OrgStatus {
            state,
            scraping: false,
            interval_seconds: 300.0,
            next_due: Some(NOW + 240),
            last_due: Some(NOW - 60),
            last_cycle_at: Some(NOW - 50),
            last_cycle: None,
            completeness: Some(Completeness { coverage_ratio: 0.75, newest: Some(NOW - 61) }),
        }
    }

    fn component(status: Status) -> Component {
        Component { status, since: NOW, detail: String::new() }
    }

    /// A leader with one organisation left alone, a broken store and a queue that is not looked at.
    fn leader() -> (Sources, Metrics) {
        let build = Build { version: "1.2.3".into(), revision: "abc".into() };
        let organisations = [("acme".into(), status(OrgState::Cooldown { until: NOW + 60 }))];
        let scheduler = SchedulerState { organisations: organisations.into_iter().collect() };
        let roles = Roles::new("static", 1);
        let until = Instant::now() + Duration::from_secs(3600);
        roles.first().set(RoleView::leader("static", Epoch(7), until));
        let components = [("store", component(Status::Degraded)), ("disk", component(Status::Healthy))];
        let health = HealthSnapshot {
            organisations: scheduler.organisations.clone(),
            components: components.into_iter().collect(),
            ..HealthSnapshot::starting()
        };
        let stats = QueueStats { depth: 3, oldest: Some(NOW - 90), dead: 1 };
        let tree = start_root(SupervisorSpec::new("root", Strategy::OneForOne)).unwrap();
        let sources = Sources {
            replica: "replica-0".into(),
            clock: Clock::starting_at(NOW),
            health: Observable::new(health),
            scheduler: Observable::new(scheduler),
            queue: Observable::new(QueueState { stats, lag_seconds: 12, ..QueueState::default() }),
            roles,
            tree: Arc::new(OnceLock::from(tree)),
            draining: Arc::new(AtomicBool::new(false)),
            dependencies: vec![Dependency::Github, Dependency::Redis, Dependency::Amqp, Dependency::Disk],
            store: Observable::default(),
            connections: Some(Arc::new(|| (1, 2))),
            fleet: Fleet::default(),
            disk: Observable::new(Some(DiskSpace { free: 4096, total: 8192 })),
            pauses: Observable::default(),
            quotas: Arc::new(|| serde_json::Value::Null),
        };
        let metrics = Metrics::new("replica-0", build).unwrap();
        metrics.observe(&sources);
        (sources, metrics)
    }

    fn let_everything_happen(metrics: &Metrics) {
        let (org, repo) = (OrgName::from("acme"), RepoName::from("api"));
        let reason = JobReason::Gap;
        let took = Duration::from_secs(3);
        for event in [
            SchedulerEvent::CycleFinished { org: org.clone(), result: CycleResult::Partial, took },
            SchedulerEvent::WindowGivenUp { org: org.clone() },
        ] {
            metrics.on_event(event);
        }
        for event in [
            StoreEvent::BatchWritten { source: WriteSource::LeaderScrape, success: true },
            StoreEvent::BatchWritten { source: WriteSource::WorkerBackfill, success: false },
            StoreEvent::SeriesRefused { count: 5 },
        ] {
            metrics.on_event(event);
        }
        for event in [
            QueueEvent::JobEnqueued { org: org.clone(), reason },
            QueueEvent::JobDeduplicated { org: org.clone(), reason },
            QueueEvent::JobDropped { org: org.clone(), reason },
            QueueEvent::JobProcessed { org: org.clone(), repo: repo.clone(), outcome: JobOutcome::Repaired },
            QueueEvent::JobDeadLettered,
            QueueEvent::MessagePublished { confirmed: true },
        ] {
            metrics.on_event(event);
        }
        let source = LocSource { repo, mode: "fallback", incomplete: true };
        for event in [
            LocEvent::BudgetExhausted { org: org.clone() },
            LocEvent::RoundFinished { org, repositories: vec![source] },
        ] {
            metrics.on_event(event);
        }
        metrics.github().github_request("acme", "/graphql", "2xx", Duration::from_millis(80));
        metrics.github().rate_limit("acme", "42", 4_999, 1_800_003_600);
        metrics.github().secondary_limit_hit("acme");
        metrics.github().api_budget("acme", "graphql", "remaining", 4_900);
        metrics.http().request("/metrics", 200, Duration::from_millis(2));
        metrics.scrapes().record(NOW);
        let meter = StoreMeter::default();
        metrics.attach(&meter);
        meter.exchanged("write", Duration::from_millis(2));
    }

    struct NoQuota;

    impl SharedQuota for NoQuota {
        fn tell(&self) -> serde_json::Value {
            serde_json::Value::Null
        }
        fn hear(&self, _: Vec<serde_json::Value>) {}
    }

    /// As it is when a store has taken the counts.
    fn collected(sources: &Sources, metrics: &Metrics) -> Vec<MetricFamily> {
        let exchange =
            FleetExchange::new(sources.clone(), metrics.clone(), Arc::new(NoQuota), "start-1".into());
        exchange.totals(exchange.next_counts().map(|batch| batch.increments));
        collect(sources, metrics, &SeriesCounts::default(), &metrics.scrapes().report())
    }

    #[actix::test]
    async fn every_metric_of_the_catalogue_is_told_and_no_other() {
        let (sources, metrics) = leader();
        let_everything_happen(&metrics);
        let families = collected(&sources, &metrics);
        let told: BTreeSet<&str> = families.iter().map(|family| family.name.as_ref()).collect();
        // Whether there are limits depends on where the test runs.
        let optional = [catalogue::MEMORY_LIMIT.name, catalogue::PROCESS_MAX_FDS.name];
        let known: BTreeSet<&str> = catalogue::OPERATIONS
            .iter()
            .map(|desc| desc.name)
            .filter(|name| cfg!(target_os = "linux") || !name.starts_with("process_"))
            .filter(|name| told.contains(name) || !optional.contains(name))
            .collect();
        assert_eq!(told, known);
    }

    #[actix::test]
    async fn what_is_worth_an_alert_begins_at_zero() {
        let (sources, metrics) = leader();
        metrics.begin_at_zero(["acme"]);
        let page = String::from_utf8(encode(&collected(&sources, &metrics), ExpositionFormat::Text)).unwrap();
        for line in [
            "gh_exporter_events_dlq_total{queue=\"gh.backfill.dlq\"} 0",
            "gh_exporter_store_series_refused_total 0",
            "gh_exporter_store_write_total{source=\"leader_scrape\",result=\"failure\"} 0",
            "gh_exporter_windows_given_up_total{org=\"acme\"} 0",
            "gh_exporter_github_secondary_limit_hits_total{org=\"acme\"} 0",
            "gh_exporter_backfill_enqueues_dropped_total{org=\"acme\",reason=\"gap\"} 0",
        ] {
            assert!(page.lines().any(|present| present == line), "{line}\n{page}");
        }
    }

    #[actix::test]
    async fn the_queue_label_has_the_configured_names() {
        let (sources, _) = leader();
        let build = Build { version: "1.2.3".into(), revision: "abc".into() };
        let queues = QueueNames { jobs: "own.jobs".into(), dead_letters: "own.dead".into() };
        let metrics = Metrics::sent("replica-0", build, None, queues).unwrap();
        metrics.begin_at_zero([]);
        metrics.on_event(Event::JobBuried);
        let page = String::from_utf8(encode(&collected(&sources, &metrics), ExpositionFormat::Text)).unwrap();
        for line in [
            "gh_exporter_queue_depth{queue=\"own.jobs\"} 3",
            "gh_exporter_queue_depth{queue=\"own.dead\"} 1",
            "gh_exporter_queue_oldest_message_age_seconds{queue=\"own.jobs\"} 90",
            "gh_exporter_events_dlq_total{queue=\"own.dead\"} 1",
        ] {
            assert!(page.lines().any(|present| present == line), "{line}\n{page}");
        }
        assert!(!page.contains("gh.backfill"), "{page}");
    }

    #[actix::test]
    async fn a_leader_tells_states_as_they_are() {
        let (sources, metrics) = leader();
        let_everything_happen(&metrics);
        let page = String::from_utf8(encode(&collected(&sources, &metrics), ExpositionFormat::Text)).unwrap();
        testing::read(&page, ExpositionFormat::Text);
        for line in [
            "gh_exporter_org_state{org=\"acme\",state=\"healthy\"} 0",
            "gh_exporter_org_state{org=\"acme\",state=\"cooldown\"} 1",
            "gh_activity_coverage_ratio{org=\"acme\"} 0.75",
            "gh_activity_freshness_seconds{org=\"acme\"} 61",
            "gh_exporter_leader_cycle_last_run_unixtime 1799999950",
            "gh_exporter_leader_epoch 7",
            "gh_exporter_role{replica=\"replica-0\",role=\"leader\"} 1",
            "gh_exporter_role{replica=\"replica-0\",role=\"follower\"} 0",
            "gh_exporter_queue_depth{queue=\"gh.backfill.jobs\"} 3",
            "gh_exporter_queue_depth{queue=\"gh.backfill.dlq\"} 1",
            "gh_exporter_queue_oldest_message_age_seconds{queue=\"gh.backfill.jobs\"} 90",
            "gh_exporter_consumer_lag_seconds{replica=\"replica-0\"} 12",
            "gh_exporter_outbox_backlog{replica=\"replica-0\"} 0",
            "gh_exporter_events_dlq_total{queue=\"gh.backfill.dlq\"} 1",
            "gh_exporter_amqp_publish_total{replica=\"replica-0\",result=\"confirmed\"} 1",
            "gh_exporter_dependency_health{dependency=\"github\"} 0",
            "gh_exporter_dependency_health{dependency=\"redis\"} 0",
            "gh_exporter_dependency_health{dependency=\"disk\"} 1",
            "gh_exporter_store_series_refused_total 5",
            "gh_exporter_store_pool_connections{replica=\"replica-0\",state=\"closed\"} 1",
            "gh_exporter_store_request_duration_seconds_count{replica=\"replica-0\",op=\"write\"} 1",
            "gh_exporter_disk_free_bytes{replica=\"replica-0\"} 4096",
            "gh_exporter_disk_total_bytes{replica=\"replica-0\"} 8192",
            "gh_exporter_maintenance{org=\"acme\"} 0",
            "gh_exporter_scrape_runs_total{org=\"acme\",result=\"partial\"} 1",
            "gh_exporter_store_write_total{source=\"worker_backfill\",result=\"failure\"} 1",
            "gh_exporter_backfill_jobs_processed_total{org=\"acme\",repo=\"api\",result=\"success\"} 1",
            "gh_exporter_github_request_duration_seconds_bucket{org=\"acme\",endpoint=\"/graphql\",le=\"0.1\"} 1",
            "gh_exporter_github_rate_limit_remaining{org=\"acme\",installation_id=\"42\"} 4999",
            "gh_exporter_loc_source_mode{org=\"acme\",repo=\"api\",mode=\"fallback\"} 1",
            "gh_exporter_loc_fallback_incomplete{org=\"acme\",repo=\"api\"} 1",
            "gh_exporter_loc_fallback_budget_exhausted_total{org=\"acme\"} 1",
            "gh_exporter_build_info{replica=\"replica-0\",version=\"1.2.3\",revision=\"abc\"} 1",
        ] {
            assert!(page.lines().any(|present| present == line), "{line}\n{page}");
        }
        assert!(!page.contains("dependency=\"amqp\""), "nobody has looked at it yet");
        assert!(!page.contains("dependency=\"election\""), "it is not configured");
    }

    #[actix::test]
    #[cfg(target_os = "linux")]
    async fn what_a_replica_counts_for_itself_began_with_its_process() {
        let (sources, metrics) = leader();
        let_everything_happen(&metrics);
        let families = collected(&sources, &metrics);
        let page = |format| String::from_utf8(encode(&families, format)).unwrap();
        let open = page(ExpositionFormat::OpenMetrics);
        let line = |name: &str| open.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        let start = line("process_start_time_seconds{").unwrap();
        let started = start.rsplit(' ').next().unwrap();
        let created =
            line("gh_exporter_amqp_publish_created{replica=\"replica-0\",result=\"confirmed\"}").unwrap();
        assert!(created.ends_with(started), "{created}, but the process started at {started}");
        assert_eq!(line("gh_exporter_scrape_runs_created"), None, "all replicas count these together");
        assert!(!page(ExpositionFormat::Text).contains("_created"));
    }

    #[actix::test]
    async fn a_follower_leaves_to_the_leader_what_only_that_knows() {
        let (sources, metrics) = leader();
        sources.roles.first().set(RoleView::follower("static"));
        let_everything_happen(&metrics);
        let families = collected(&sources, &metrics);
        for leaders in
            [catalogue::ORG_STATE, catalogue::FRESHNESS, catalogue::LEADER_EPOCH, catalogue::LOC_SOURCE_MODE]
        {
            assert!(families.iter().all(|family| family.name != leaders.name));
        }
        assert!(families.iter().any(|family| family.name == catalogue::ROLE.name));
    }

    #[actix::test]
    async fn operations_and_activity_share_no_name() {
        let activity: BTreeSet<&str> = ACTIVITY.iter().map(|family| family.desc.name).collect();
        assert!(catalogue::OPERATIONS.iter().all(|desc| !activity.contains(desc.name)));
    }
}

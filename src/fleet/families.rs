//! The metrics of all replicas as one page.
//!
//! Every replica answers with the same page: its own values, those the live others last reported,
//! and of what all count together the sums in the store, never what this process counted alone.
//! Otherwise a counter would seem to fall from one replica to the next.

use crate::exposition::{MetricFamily, MetricValue, SeriesCounts, merged};
use crate::replica::{PeerReport, ReplicaState};
use crate::telemetry::{Metrics, ScrapeReport, catalogue, own_families, series_families};

/// All operational metrics, sorted by name: of this replica, of the others, and the sums. Sends no
/// message and waits for nothing.
pub fn all_families(
    replica: &ReplicaState,
    metrics: &Metrics,
    series: &SeriesCounts,
    scrapes: &ScrapeReport,
) -> Vec<MetricFamily> {
    let own = own_families(replica, metrics, scrapes);
    let mut families = with_reported(own, replica.roles.leads().is_some(), &replica.peers.reports());
    if let Some(totals) = replica.peers.totals() {
        families.extend(totals.iter().cloned());
    }
    families.push(series_families(series));
    merged(families)
}

/// This replica's own families and those of the reports. Of a sample that several replicas have,
/// the first one counts, so those of a leader come first: what it knows of the organisations is the
/// newest.
fn with_reported(own: Vec<MetricFamily>, leads: bool, reports: &[PeerReport]) -> Vec<MetricFamily> {
    let mut health = catalogue::DEPENDENCY_HEALTH.family();
    let several = [catalogue::LEADER_EPOCH, catalogue::LEADER_CYCLE, catalogue::SHARDS];
    let mut greatest = several.map(|desc| desc.family());
    let mut families = Vec::new();
    let (leaders, followers): (Vec<&PeerReport>, Vec<&PeerReport>) =
        reports.iter().partition(|report| report.epoch.is_some() && !leads);
    let leaders = leaders.into_iter().flat_map(|report| report.families.clone());
    let followers = followers.into_iter().flat_map(|report| report.families.clone());
    for family in leaders.chain(own).chain(followers) {
        match greatest.iter_mut().find(|known| known.name == family.name) {
            Some(known) => combine(known, family, f64::max),
            None if family.name == health.name => combine(&mut health, family, f64::min),
            None => families.push(family),
        }
    }
    families.push(health);
    families.extend(greatest.into_iter().filter(|family| !family.samples.is_empty()));
    families
}

/// Adds the samples of `other` to `known`; those of equal labels become one with `choose`.
fn combine(known: &mut MetricFamily, other: MetricFamily, choose: fn(f64, f64) -> f64) {
    for sample in other.samples {
        match known.samples.iter_mut().find(|known| known.labels == sample.labels) {
            Some(known) => {
                if let (MetricValue::Number(known), MetricValue::Number(other)) =
                    (&mut known.value, &sample.value)
                {
                    *known = choose(*known, *other);
                }
            }
            None => known.samples.push(sample),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::Duration;

    use actix_supervisor::Observable;
    use actix_supervisor::{Strategy, SupervisorSpec, start_root};
    use github_stats_actors::activity::{OrgName, RepoName, Timestamp};
    use github_stats_actors::clock::Clock;
    use github_stats_actors::fleet::PeerExchange;
    use github_stats_actors::health::{
        Dependency, HealthReport, HealthSnapshot, ProbeResult, Reports, RoleReport, SchedulerReport, Status,
        assess,
    };
    use github_stats_actors::loc::{LocEvent, LocSource};
    use github_stats_actors::observer::Observer;
    use github_stats_actors::queue::{JobOutcome, JobReason, QueueEvent, QueueState, QueueStats};
    use github_stats_actors::role::{Epoch, RoleView, Roles};
    use github_stats_actors::scheduler::{
        Completeness, CycleResult, OrgState, OrgStatus, SchedulerEvent, SchedulerState,
    };
    use github_stats_actors::store::{StoreEvent, StoreState, WriteSource};
    use tokio::time::Instant;

    use super::*;
    use crate::disk::DiskSpace;
    use crate::exposition::{ACTIVITY, ExpositionFormat, encode, testing};
    use crate::fleet::{FleetExchange, SharedQuota};
    use crate::telemetry::{Build, QueueNames, StoreMeter};

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

    /// The reports of a leader with one organisation in cooldown and a store that fails; the queue
    /// actor has not reported.
    fn assessed(scheduler: &SchedulerState, roles: &Roles) -> HealthSnapshot {
        let mut reports = Reports::expecting(["disk"]);
        let store = StoreState { loaded: true, last_error: Some("full".into()), ..StoreState::default() };
        let organisations = &scheduler.organisations;
        for report in [
            HealthReport::Store(Arc::new(store)),
            HealthReport::Role(RoleReport {
                view: roles.get(),
                epoch: roles.leads(),
                shards_led: 1,
                shards: 1,
            }),
            HealthReport::Scheduler(SchedulerReport {
                scheduled: organisations.clone(),
                known: organisations.clone(),
            }),
            HealthReport::Probe("disk", ProbeResult { status: Status::Healthy, detail: String::new() }),
        ] {
            reports.receive(report, NOW, Instant::now());
        }
        assess(&reports, &HealthSnapshot::starting(), NOW, Instant::now())
    }

    fn leader() -> (ReplicaState, Metrics) {
        let build = Build { version: "1.2.3".into(), revision: "abc".into() };
        let organisations = [("acme".into(), status(OrgState::Cooldown { until: NOW + 60 }))];
        let scheduler = SchedulerState { organisations: organisations.into_iter().collect() };
        let roles = Roles::new("static", 1);
        let until = Instant::now() + Duration::from_secs(3600);
        roles.first().set(RoleView::leader("static", Epoch(7), until));
        let stats = QueueStats { depth: 3, oldest: Some(NOW - 90), dead: 1 };
        let tree = start_root(SupervisorSpec::new("root", Strategy::OneForOne)).unwrap();
        let replica = ReplicaState {
            health: Observable::new(assessed(&scheduler, &roles)),
            scheduler: Observable::new(scheduler),
            queue: Observable::new(QueueState { stats, lag_seconds: 12, ..QueueState::default() }),
            dependencies: vec![Dependency::Github, Dependency::Redis, Dependency::Amqp, Dependency::Disk],
            connections: Some(Arc::new(|| (1, 2))),
            disk: Observable::new(Some(DiskSpace { free: 4096, total: 8192 })),
            ..ReplicaState::new("replica-0", Clock::starting_at(NOW), roles)
        };
        let _ = replica.tree.set(tree);
        let metrics = Metrics::new("replica-0", build).unwrap();
        metrics.observe(&replica);
        (replica, metrics)
    }

    fn emit_every_event(metrics: &Metrics) {
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
        fn report(&self) -> serde_json::Value {
            serde_json::Value::Null
        }
        fn receive(&self, _: Vec<serde_json::Value>) {}
    }

    /// All families after the store has applied the counts.
    fn collected(replica: &ReplicaState, metrics: &Metrics) -> Vec<MetricFamily> {
        let exchange =
            FleetExchange::new(replica.clone(), metrics.clone(), Arc::new(NoQuota), "start-1".into());
        exchange.receive_totals(exchange.next_counts().map(|batch| batch.increments));
        all_families(replica, metrics, &SeriesCounts::default(), &metrics.scrapes().report())
    }

    #[actix::test]
    async fn every_metric_of_the_catalogue_is_present_and_no_other() {
        let (replica, metrics) = leader();
        emit_every_event(&metrics);
        let families = collected(&replica, &metrics);
        let present: BTreeSet<&str> = families.iter().map(|family| family.name.as_ref()).collect();
        // Whether there are limits depends on where the test runs.
        let optional = [catalogue::MEMORY_LIMIT.name, catalogue::PROCESS_MAX_FDS.name];
        let known: BTreeSet<&str> = catalogue::OPERATIONS
            .iter()
            .map(|desc| desc.name)
            .filter(|name| cfg!(target_os = "linux") || !name.starts_with("process_"))
            .filter(|name| present.contains(name) || !optional.contains(name))
            .collect();
        assert_eq!(present, known);
    }

    #[actix::test]
    async fn counters_with_alerts_begin_at_zero() {
        let (replica, metrics) = leader();
        metrics.begin_at_zero(["acme"]);
        let page = String::from_utf8(encode(&collected(&replica, &metrics), ExpositionFormat::Text)).unwrap();
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
        let (replica, _) = leader();
        let build = Build { version: "1.2.3".into(), revision: "abc".into() };
        let queues = QueueNames { jobs: "own.jobs".into(), dead_letters: "own.dead".into() };
        let metrics = Metrics::exported("replica-0", build, None, queues).unwrap();
        metrics.begin_at_zero([]);
        metrics.on_event(QueueEvent::JobDeadLettered);
        let page = String::from_utf8(encode(&collected(&replica, &metrics), ExpositionFormat::Text)).unwrap();
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
    async fn a_leader_exposes_the_present_states() {
        let (replica, metrics) = leader();
        emit_every_event(&metrics);
        let page = String::from_utf8(encode(&collected(&replica, &metrics), ExpositionFormat::Text)).unwrap();
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
        assert!(!page.contains("dependency=\"amqp\""), "its status is not known yet");
        assert!(!page.contains("dependency=\"election\""), "it is not configured");
    }

    #[actix::test]
    #[cfg(target_os = "linux")]
    async fn counters_of_one_replica_were_created_with_its_process() {
        let (replica, metrics) = leader();
        emit_every_event(&metrics);
        let families = collected(&replica, &metrics);
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
    async fn a_follower_exposes_nothing_that_only_the_leader_knows() {
        let (replica, metrics) = leader();
        replica.roles.first().set(RoleView::follower("static"));
        emit_every_event(&metrics);
        let families = collected(&replica, &metrics);
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

//! Limits, faults and credentials: nothing is lost, and no forbidden request is made.

use std::time::Duration;

use github_sim::{
    ApiFault, App, FaultKind, GithubWorld, Installation, KeyPair, LargeWorld, Options, RequestMatcher,
    Simulator, Token, generate_large_world,
};
use github_stats::config::{GithubApi, OrgConfig, Secret};
use github_stats_actors::scheduler::CycleResult;
use jiff::SignedDuration;

use super::fixture::{INTERVAL, ORG, ScraperFixture, TOKEN, config, options, simulator};

#[actix::test]
async fn a_small_quota_is_never_used_up_and_loses_nothing() {
    const POINTS: u64 = 300;
    let made = LargeWorld {
        org: ORG.to_owned(),
        repos: 1_200,
        changed_share: 0.01,
        future: SignedDuration::from_hours(6),
        ..LargeWorld::default()
    };
    let simulator = simulator(options(300), |now| generate_large_world(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    let fixture = ScraperFixture::new(simulator, &config);
    let mut limited = 0;
    for _hour in 0..5 {
        fixture.sim.reset_log();
        for _ in 0..12 {
            limited += usize::from(fixture.cycle().await.result == CycleResult::RateLimited);
            fixture.advance(INTERVAL);
        }
        for resource in ["core", "graphql"] {
            assert!(fixture.sim.points_used(resource) <= POINTS, "{resource}");
        }
        let refused =
            fixture.sim.requests().into_iter().filter(|request| request.status == Some(403)).count();
        assert_eq!(refused, 0, "it waits before the limit");
    }
    assert!(limited > 0, "the quota was too small for the first scrape");
    fixture.successful_cycle().await;
    fixture.assert_matches_ground_truth("in the end").await;
}

#[actix::test]
async fn after_every_kind_of_failure_the_collected_data_are_correct() {
    for api in [GithubApi::Graphql, GithubApi::Rest] {
        let busy = LargeWorld {
            seed: 5,
            org: ORG.to_owned(),
            // Few repositories, because half of the limited number of REST requests per minute
            // fail.
            repos: 5,
            changed_share: 0.25,
            past: SignedDuration::from_mins(30),
            ..LargeWorld::default()
        };
        let simulator = simulator(options(10_000_000), |now| generate_large_world(&busy, now));
        let mut config = config(&simulator, api);
        config.rate_limit.secondary_limit_backoff = Duration::from_millis(200);
        config.rate_limit.min_reset_buffer = Duration::ZERO;
        config.github.request_timeout = Duration::from_secs(1);
        let fixture = ScraperFixture::new(simulator, &config);
        fixture.successful_cycle().await;
        let storm = [
            FaultKind::Status { code: 502, message: "Bad Gateway".into(), headers: vec![] },
            FaultKind::Status { code: 500, message: "Server Error".into(), headers: vec![] },
            FaultKind::TruncatedBody,
            FaultKind::CutBeforeHeaders,
            FaultKind::MalformedBody,
            FaultKind::PartialData { every: 2 },
            FaultKind::ResourceLimitsAbove { nodes: 500 },
            FaultKind::TimeoutAbove { nodes: 800, code: 502 },
        ];
        for (seed, kind) in storm.into_iter().enumerate() {
            let fault = ApiFault {
                probability: Some(0.08),
                seed: seed as u64,
                ..ApiFault::new(RequestMatcher::Always, kind)
            };
            fixture.sim.faults().add(fault);
        }
        let rare = [
            FaultKind::SecondaryLimit { retry_after: Some(1) },
            FaultKind::SecondaryLimit { retry_after: None },
            FaultKind::GraphqlError {
                name: "RATE_LIMITED".into(),
                message: "API rate limit exceeded".into(),
            },
            FaultKind::Hang,
        ];
        for (seed, kind) in rare.into_iter().enumerate() {
            let fault = ApiFault {
                probability: Some(0.1),
                times: Some(2),
                seed: 100 + seed as u64,
                ..ApiFault::new(RequestMatcher::Always, kind)
            };
            fixture.sim.faults().add(fault);
        }
        for _ in 0..12 {
            fixture.cycle().await;
            fixture.advance(INTERVAL);
        }
        fixture.sim.faults().clear();
        // Every exhausted limit is reset after an hour.
        fixture.advance(Duration::from_secs(3_700));
        fixture.successful_cycle().await;
        fixture.assert_matches_ground_truth(&format!("{api:?} after the storm")).await;
        assert!(fixture.sim.max_concurrency() <= 4, "{}", fixture.sim.max_concurrency());
    }
}

#[actix::test]
async fn no_request_is_made_during_a_secondary_limit() {
    let options =
        Options { tokens: vec![Token::new(TOKEN)], ..Options::default() }.without_secondary_limits();
    let simulator = Simulator::start(GithubWorld::new(), options).expect("a simulator");
    let made = LargeWorld { org: ORG.to_owned(), repos: 400, changed_share: 0.0, ..LargeWorld::default() };
    let now = simulator.now();
    simulator.edit(|world| *world = generate_large_world(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    let fixture = ScraperFixture::new(simulator, &config);
    let limit = FaultKind::SecondaryLimit { retry_after: Some(2) };
    fixture.sim.faults().add(ApiFault {
        times: Some(1),
        ..ApiFault::new(RequestMatcher::Operation("History".into()), limit)
    });
    fixture.successful_cycle().await;
    let requests = fixture.sim.requests();
    let refused = requests.iter().find(|request| request.status == Some(403)).expect("one was refused");
    let early = requests.iter().filter(|request| {
        // Requests in flight at the same time had been sent before.
        let after = request.at.duration_since(refused.at);
        request.sequence > refused.sequence
            && after > SignedDuration::from_millis(150)
            && after < SignedDuration::from_millis(1_900)
    });
    assert_eq!(early.count(), 0);
    fixture.assert_matches_ground_truth("afterwards").await;
}

#[actix::test]
async fn a_wait_for_quota_is_reported_with_its_reason_and_end() {
    let made = LargeWorld { org: ORG.to_owned(), repos: 30, ..LargeWorld::default() };
    let simulator = simulator(options(5_000), |now| generate_large_world(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    let fixture = ScraperFixture::new(simulator, &config);
    assert_eq!((fixture.quotas)()[ORG]["waiting"], false);
    let limit = FaultKind::SecondaryLimit { retry_after: Some(60) };
    let fault =
        ApiFault { times: Some(1), ..ApiFault::new(RequestMatcher::Operation("History".into()), limit) };
    fixture.sim.faults().add(fault);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let seen = async {
        loop {
            let quota = (fixture.quotas)()[ORG].take();
            if quota["waiting"] == true {
                return quota;
            }
            assert!(tokio::time::Instant::now() < deadline, "there is no wait: {quota}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let quota = tokio::select! {
        quota = seen => quota,
        report = fixture.cycle() => panic!("it did not wait: {report:?}"),
    };
    let wait = &quota["waits"][0];
    assert_eq!((&wait["for"], &wait["resource"]), (&"secondary_limit".into(), &"graphql".into()), "{quota}");
    assert_eq!(wait["purpose"], "live");
    let until: jiff::Timestamp = wait["until"].as_str().expect("a time").parse().expect("a time");
    let seconds = until.duration_since(fixture.sim.now()).as_secs();
    assert!((50..=61).contains(&seconds), "{quota}");
    assert_eq!(quota["holds"].as_array().map(Vec::len), Some(2), "it holds both APIs: {quota}");
    let budget = &quota["budgets"]["graphql"];
    assert_eq!((&budget["limit"], &budget["kept_back"]), (&5_000.into(), &200.into()));
    assert!(budget["remaining"].as_u64().is_some_and(|left| left > 4_900 && left < 5_000), "{quota}");
}

#[actix::test]
async fn an_installation_requests_one_token_per_hour_regardless_of_concurrency() {
    let keys = KeyPair::generate().expect("a key");
    let app = App::new(7, keys.public_pem()).installed(Installation::new(42, ORG));
    let options = Options { app: Some(app), ..Options::default() }.without_secondary_limits();
    let made = LargeWorld {
        org: ORG.to_owned(),
        repos: 100,
        future: SignedDuration::from_hours(4),
        ..LargeWorld::default()
    };
    let simulator = simulator(options, |now| generate_large_world(&made, now));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.pem");
    std::fs::write(&path, keys.private_pem()).expect("a key file");
    let mut config = config(&simulator, GithubApi::Auto);
    config.github.orgs = vec![OrgConfig {
        token: Secret::default(),
        app_id: Some(7),
        installation_id: Some(42),
        private_key_path: Some(path),
        ..OrgConfig::named(ORG)
    }];
    let fixture = ScraperFixture::new(simulator, &config);
    for _ in 0..30 {
        fixture.successful_cycle().await;
        fixture.advance(INTERVAL);
    }
    fixture.successful_cycle().await;
    fixture.assert_matches_ground_truth("after two and a half hours").await;
    let requests = fixture.sim.requests();
    let minted = requests.iter().filter(|request| request.path.ends_with("/access_tokens")).count();
    assert_eq!(minted, 3);
    assert!(requests.iter().all(|request| request.status != Some(401)), "no token expired in use");
}

#[actix::test]
async fn a_permanent_error_is_not_retried_and_suggests_what_to_do() {
    let simulator = simulator(options(5_000), |_| GithubWorld::new());
    let mut wrong = config(&simulator, GithubApi::Graphql);
    wrong.github.orgs = vec![OrgConfig { token: Secret::new("expired"), ..OrgConfig::named(ORG) }];
    let fixture = ScraperFixture::new(simulator, &wrong);
    let report = fixture.cycle().await;
    assert_eq!(report.result, CycleResult::Failure);
    let error = report.error.expect("a reason");
    assert!(
        error.contains(ORG) && error.contains("POST /graphql") && error.contains("token_file"),
        "{error}"
    );
    assert!(!error.contains("expired"), "the token stays secret");
    assert_eq!(fixture.sim.requests().len(), 1);
}

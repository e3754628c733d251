//! Limits, faults and credentials: nothing is lost, nothing is asked that must not be.

use std::time::Duration;

use github_sim::{
    App, Fault, FaultKind, Installation, KeyPair, Matcher, Options, Scale, Simulator, Token, World, scale,
};
use github_stats::config::{GithubApi, OrgConfig, Secret};
use github_stats_actors::scheduler::CycleResult;
use jiff::SignedDuration;

use super::stage::{INTERVAL, ORG, Stage, TOKEN, config, options, simulator};

#[actix::test]
async fn a_small_quota_is_never_used_up_and_loses_nothing() {
    const POINTS: u64 = 300;
    let made = Scale {
        org: ORG.to_owned(),
        repos: 1_200,
        changed_share: 0.01,
        future: SignedDuration::from_hours(6),
        ..Scale::default()
    };
    let simulator = simulator(options(300), |now| scale(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    let stage = Stage::new(simulator, &config);
    let mut limited = 0;
    for _hour in 0..5 {
        stage.sim.reset_log();
        for _ in 0..12 {
            limited += usize::from(stage.cycle().await.result == CycleResult::RateLimited);
            stage.advance(INTERVAL);
        }
        for resource in ["core", "graphql"] {
            assert!(stage.sim.points_used(resource) <= POINTS, "{resource}");
        }
        let refused = stage.sim.requests().into_iter().filter(|request| request.status == Some(403)).count();
        assert_eq!(refused, 0, "it waits by itself");
    }
    assert!(limited > 0, "the quota was too small for the first scrape");
    stage.good_cycle().await;
    stage.assert_true("in the end").await;
}

#[actix::test]
async fn a_storm_of_every_kind_of_failure_ends_in_the_truth() {
    for api in [GithubApi::Graphql, GithubApi::Rest] {
        let busy = Scale {
            seed: 5,
            org: ORG.to_owned(),
            // A minute allows only so many requests over REST, of which half fail.
            repos: 5,
            changed_share: 0.25,
            past: SignedDuration::from_mins(30),
            ..Scale::default()
        };
        let simulator = simulator(options(10_000_000), |now| scale(&busy, now));
        let mut config = config(&simulator, api);
        config.rate_limit.secondary_limit_backoff = Duration::from_millis(200);
        config.rate_limit.min_reset_buffer = Duration::ZERO;
        config.github.request_timeout = Duration::from_secs(1);
        let stage = Stage::new(simulator, &config);
        stage.good_cycle().await;
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
            let fault =
                Fault { probability: Some(0.08), seed: seed as u64, ..Fault::new(Matcher::Always, kind) };
            stage.sim.faults().add(fault);
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
            let fault = Fault {
                probability: Some(0.1),
                times: Some(2),
                seed: 100 + seed as u64,
                ..Fault::new(Matcher::Always, kind)
            };
            stage.sim.faults().add(fault);
        }
        for _ in 0..12 {
            stage.cycle().await;
            stage.advance(INTERVAL);
        }
        stage.sim.faults().clear();
        // What was told to be used up is full again after an hour at most.
        stage.advance(Duration::from_secs(3_700));
        stage.good_cycle().await;
        stage.assert_true(&format!("{api:?} after the storm")).await;
        assert!(stage.sim.max_concurrency() <= 4, "{}", stage.sim.max_concurrency());
    }
}

#[actix::test]
async fn nothing_is_asked_while_github_wants_to_be_left_alone() {
    let options =
        Options { tokens: vec![Token::new(TOKEN)], ..Options::default() }.without_secondary_limits();
    let simulator = Simulator::start(World::new(), options).expect("a simulator");
    let made = Scale { org: ORG.to_owned(), repos: 400, changed_share: 0.0, ..Scale::default() };
    let now = simulator.now();
    simulator.edit(|world| *world = scale(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    let stage = Stage::new(simulator, &config);
    let limit = FaultKind::SecondaryLimit { retry_after: Some(2) };
    stage
        .sim
        .faults()
        .add(Fault { times: Some(1), ..Fault::new(Matcher::Operation("History".into()), limit) });
    stage.good_cycle().await;
    let requests = stage.sim.requests();
    let refused = requests.iter().find(|request| request.status == Some(403)).expect("one was refused");
    let early = requests.iter().filter(|request| {
        // Those that were under way with it had been asked before.
        let after = request.at.duration_since(refused.at);
        request.sequence > refused.sequence
            && after > SignedDuration::from_millis(150)
            && after < SignedDuration::from_millis(1_900)
    });
    assert_eq!(early.count(), 0);
    stage.assert_true("afterwards").await;
}

#[actix::test]
async fn whoever_waits_is_seen_with_what_for_and_until_when() {
    let made = Scale { org: ORG.to_owned(), repos: 30, ..Scale::default() };
    let simulator = simulator(options(5_000), |now| scale(&made, now));
    let config = config(&simulator, GithubApi::Graphql);
    let stage = Stage::new(simulator, &config);
    assert_eq!((stage.quotas)()[ORG]["waiting"], false);
    let limit = FaultKind::SecondaryLimit { retry_after: Some(60) };
    let fault = Fault { times: Some(1), ..Fault::new(Matcher::Operation("History".into()), limit) };
    stage.sim.faults().add(fault);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let seen = async {
        loop {
            let quota = (stage.quotas)()[ORG].take();
            if quota["waiting"] == true {
                return quota;
            }
            assert!(tokio::time::Instant::now() < deadline, "nobody waits: {quota}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let quota = tokio::select! {
        quota = seen => quota,
        report = stage.cycle() => panic!("it did not wait: {report:?}"),
    };
    let wait = &quota["waits"][0];
    assert_eq!((&wait["for"], &wait["resource"]), (&"secondary_limit".into(), &"graphql".into()), "{quota}");
    assert_eq!(wait["purpose"], "live");
    let until: jiff::Timestamp = wait["until"].as_str().expect("a time").parse().expect("a time");
    let seconds = until.duration_since(stage.sim.now()).as_secs();
    assert!((50..=61).contains(&seconds), "{quota}");
    assert_eq!(quota["holds"].as_array().map(Vec::len), Some(2), "it holds both APIs: {quota}");
    let budget = &quota["budgets"]["graphql"];
    assert_eq!((&budget["limit"], &budget["kept_back"]), (&5_000.into(), &200.into()));
    assert!(budget["remaining"].as_u64().is_some_and(|left| left > 4_900 && left < 5_000), "{quota}");
}

#[actix::test]
async fn an_installation_asks_for_one_token_an_hour_however_many_ask() {
    let keys = KeyPair::generate().expect("a key");
    let app = App::new(7, keys.public_pem()).installed(Installation::new(42, ORG));
    let options = Options { app: Some(app), ..Options::default() }.without_secondary_limits();
    let made =
        Scale { org: ORG.to_owned(), repos: 100, future: SignedDuration::from_hours(4), ..Scale::default() };
    let simulator = simulator(options, |now| scale(&made, now));
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
    let stage = Stage::new(simulator, &config);
    for _ in 0..30 {
        stage.good_cycle().await;
        stage.advance(INTERVAL);
    }
    stage.good_cycle().await;
    stage.assert_true("after two and a half hours").await;
    let requests = stage.sim.requests();
    let minted = requests.iter().filter(|request| request.path.ends_with("/access_tokens")).count();
    assert_eq!(minted, 3);
    assert!(requests.iter().all(|request| request.status != Some(401)), "none expired on its way");
}

#[actix::test]
async fn what_cannot_get_better_is_asked_once_and_says_what_to_do() {
    let simulator = simulator(options(5_000), |_| World::new());
    let mut wrong = config(&simulator, GithubApi::Graphql);
    wrong.github.orgs = vec![OrgConfig { token: Secret::new("expired"), ..OrgConfig::named(ORG) }];
    let stage = Stage::new(simulator, &wrong);
    let report = stage.cycle().await;
    assert_eq!(report.result, CycleResult::Failure);
    let error = report.error.expect("a reason");
    assert!(
        error.contains(ORG) && error.contains("POST /graphql") && error.contains("token_file"),
        "{error}"
    );
    assert!(!error.contains("expired"), "the token stays secret");
    assert_eq!(stage.sim.requests().len(), 1);
}

//! An application over a replica with a small supervision tree.

use std::sync::Arc;

use actix::prelude::*;
use actix_supervisor::Observable;
use actix_supervisor::{ActorRef, ActorState, ChildSpec, RootHandle, Strategy, SupervisorSpec, start_root};
use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, init_service};
use actix_web::web;
use github_stats_actors::activity::{SeriesSnapshot, Timestamp};
use github_stats_actors::clock::Clock;
use github_stats_actors::health::Dependency;
use github_stats_actors::maintenance::PauseRegistry;
use github_stats_actors::role::Roles;
use github_stats_actors::scheduler::{Completeness, OrgState, OrgStatus};
use github_stats_actors::store::MemoryState;
use secrecy::SecretString;

use super::{AdminAccess, AppState, server};
use crate::disk::DiskSpace;
use crate::exposition::Encoder;
use crate::replica::ReplicaState;
use crate::telemetry::{Build, Metrics};

struct Idle;

impl Actor for Idle {
    type Context = Context<Self>;
}

/// A replica that has just started, without any numbers.
pub(crate) fn fresh() -> AppState {
    let build = Build { version: "1.2.3".into(), revision: "abc".into() };
    let clock = Clock::starting_at(Timestamp::from_unix(1_800_000_000));
    let replica = ReplicaState {
        dependencies: vec![Dependency::Github, Dependency::Redis, Dependency::Disk],
        disk: Observable::new(Some(DiskSpace { free: 1 << 30, total: 1 << 31 })),
        quotas: Arc::new(|| serde_json::json!({ "acme": { "waiting": false } })),
        ..ReplicaState::new("replica-0", clock, Roles::new("static", 1))
    };
    let pauses =
        PauseRegistry::new(Arc::new(MemoryState::new()), replica.clock.clone(), replica.pauses.clone());
    let admin = AdminAccess {
        token: Observable::new(None),
        chaos: false,
        dead_letters: None,
        maintenance: Some(pauses),
        shutdown: Arc::default(),
    };
    let metrics = Metrics::new("replica-0", build).unwrap();
    metrics.observe(&replica);
    AppState::new(replica, metrics, admin)
}

/// Publishes these series.
pub(crate) fn publish(state: &AppState, series: SeriesSnapshot) {
    let generation = state.replica.activity.latest().map_or(1, |edition| edition.generation() + 1);
    state.replica.activity.publish(Encoder::default().encode(generation, &series));
}

/// The same with a healthy organisation that was scraped a minute ago.
pub(crate) fn with_org(state: AppState, org: &str) -> AppState {
    let now = state.replica.clock.now();
    let status = OrgStatus {
        state: OrgState::Healthy { streak: 0 },
        scraping: false,
        interval_seconds: 300.0,
        last_due: Some(now - 60),
        next_due: Some(now + 240),
        last_cycle_at: Some(now - 50),
        last_cycle: None,
        completeness: Some(Completeness { coverage_ratio: 1.0, newest: Some(now - 61) }),
    };
    state.replica.scheduler.update(|scheduler| {
        scheduler.organisations.insert(org.into(), status);
    });
    state
}

/// The same with a tree of a supervisor called `root` and actors called `store` and `org/acme.v2`,
/// all running.
pub(crate) async fn with_tree(state: AppState) -> (AppState, RootHandle) {
    let mut spec = SupervisorSpec::new("root", Strategy::OneForOne);
    for id in ["store", "org/acme.v2"] {
        spec = spec.child(ChildSpec::actor(&ActorRef::<Idle>::new(id), || Idle));
    }
    let root = start_root(spec).unwrap();
    state.replica.tree.set(root.clone()).unwrap();
    while root.tree().actors.len() < 3 || !root.tree().is_up() {
        tokio::task::yield_now().await;
    }
    (state, root)
}

/// Waits until the actor has been restarted.
pub(crate) async fn restarted(root: &RootHandle, id: &str) {
    let is_new = |root: &RootHandle| {
        root.tree().actor(id).is_some_and(|actor| actor.incarnation > 1 && actor.state == ActorState::Running)
    };
    while !is_new(root) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The state with this token.
pub(crate) fn with_token(state: AppState, token: &str) -> AppState {
    state.admin.token.set(Some(SecretString::from(token)));
    state
}

/// Status, headers and body of an answer.
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: actix_web::http::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl TestResponse {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }
}

/// Sends a request to an application over `state`.
pub(crate) async fn ask(state: &AppState, request: TestRequest) -> TestResponse {
    let app = init_service(server::app(web::Data::new(state.clone()))).await;
    let response: ServiceResponse<_> = app.call(request.to_request()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await;
    TestResponse { status, headers, body: body.unwrap_or_else(|_| panic!("the body broke off")).to_vec() }
}

/// Gets a path.
pub(crate) async fn get(state: &AppState, path: &str) -> TestResponse {
    ask(state, TestRequest::get().uri(path)).await
}

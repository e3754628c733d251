//! The part of the Kubernetes API that an election needs: Leases with versions, conflicts and
//! watches.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{App, HttpResponse, HttpServer, web};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::broadcast;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases";

/// A server; it ends when it is dropped.
pub struct LeaseApi {
    address: SocketAddr,
    handle: ServerHandle,
}

#[derive(Clone)]
struct ApiState {
    leases: Arc<Mutex<Leases>>,
    events: broadcast::Sender<Value>,
}

#[derive(Default)]
struct Leases {
    version: u64,
    by_name: BTreeMap<String, Value>,
}

impl LeaseApi {
    /// Starts a server without Leases.
    pub fn start() -> LeaseApi {
        let state = ApiState { leases: Arc::default(), events: broadcast::Sender::new(1_024) };
        let (address_sender, address_receiver) = std::sync::mpsc::channel();
        // A separate thread and runtime, so that it answers while the test blocks.
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(Data::new(state.clone()))
                        .route(LEASES, web::get().to(watch))
                        .route(LEASES, web::post().to(create))
                        .route(&format!("{LEASES}/{{name}}"), web::get().to(get))
                        .route(&format!("{LEASES}/{{name}}"), web::put().to(replace))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind(("127.0.0.1", 0)).expect("a port");
                let address = server.addrs()[0];
                let server = server.run();
                address_sender.send((address, server.handle())).expect("the test waits for it");
                server.await.expect("it serves");
            });
        });
        let (address, handle) = address_receiver.recv().expect("it starts");
        LeaseApi { address, handle }
    }

    /// The port or address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LeaseApi {
    fn drop(&mut self) {
        // Its end is not awaited.
        drop(self.handle.stop(false));
    }
}

impl ApiState {
    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a Lease under the next version and notifies watches.
    fn store(&self, leases: &mut Leases, name: &str, mut lease: Value, kind: &str) -> Value {
        leases.version += 1;
        lease["metadata"]["resourceVersion"] = json!(leases.version.to_string());
        leases.by_name.insert(name.to_owned(), lease.clone());
        // There may be no watch.
        let _ = self.events.send(json!({"type": kind, "object": lease}));
        lease
    }
}

fn rejection(code: u16, reason: &str) -> HttpResponse {
    let status = StatusCode::from_u16(code).expect("a status");
    HttpResponse::build(status).json(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code,
    }))
}

/// Validates a Lease as the real server does: timestamps have six fractional digits, durations are
/// positive.
fn is_valid(lease: &Value) -> bool {
    let spec = &lease["spec"];
    let time = |key: &str| match &spec[key] {
        Value::Null => true,
        Value::String(text) => text.len() == "2006-01-02T15:04:05.000000Z".len() && text.ends_with('Z'),
        _ => false,
    };
    let lasts = spec["leaseDurationSeconds"].as_i64();
    time("renewTime") && time("acquireTime") && lasts.is_none_or(|seconds| seconds > 0)
}

async fn get(state: Data<ApiState>, path: Path<(String, String)>) -> HttpResponse {
    match state.leases().by_name.get(&path.1) {
        Some(lease) => HttpResponse::Ok().json(lease),
        None => rejection(404, "NotFound"),
    }
}

async fn create(state: Data<ApiState>, lease: Json<Value>) -> HttpResponse {
    let name = lease["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut leases = state.leases();
    if leases.by_name.contains_key(&name) {
        return rejection(409, "AlreadyExists");
    }
    if !is_valid(&lease) {
        return rejection(422, "Invalid");
    }
    HttpResponse::Created().json(state.store(&mut leases, &name, lease.into_inner(), "ADDED"))
}

async fn replace(state: Data<ApiState>, path: Path<(String, String)>, lease: Json<Value>) -> HttpResponse {
    let mut leases = state.leases();
    let Some(stored) = leases.by_name.get(&path.1) else { return rejection(404, "NotFound") };
    if !is_valid(&lease) {
        return rejection(422, "Invalid");
    }
    if stored["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"] {
        return rejection(409, "Conflict");
    }
    HttpResponse::Ok().json(state.store(&mut leases, &path.1, lease.into_inner(), "MODIFIED"))
}

/// The current state of the watched Lease, and then each change.
async fn watch(state: Data<ApiState>, query: Query<BTreeMap<String, String>>) -> HttpResponse {
    let name = query.get("fieldSelector").and_then(|field| field.strip_prefix("metadata.name="));
    let Some(name) = name.map(str::to_owned).filter(|_| query.contains_key("watch")) else {
        return rejection(400, "BadRequest");
    };
    let leases = state.leases();
    let changes = state.events.subscribe();
    let first = leases.by_name.get(&name).map(|lease| json!({"type": "ADDED", "object": lease}));
    drop(leases);
    let events = stream::unfold((first, changes, name), |(first, mut changes, name)| async move {
        let event = match first {
            Some(event) => event,
            None => loop {
                let event = changes.recv().await.ok()?;
                if event["object"]["metadata"]["name"] == name.as_str() {
                    break event;
                }
            },
        };
        let line = Bytes::from(format!("{event}\n"));
        Some((Ok::<_, actix_web::Error>(line), (None, changes, name)))
    });
    HttpResponse::Ok().content_type("application/json").streaming(Box::pin(events))
}

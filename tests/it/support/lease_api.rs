//! As much of the Kubernetes API as an election needs: Leases with versions, conflicts and watches.

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
struct World {
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
        let world = World { leases: Arc::default(), events: broadcast::Sender::new(1_024) };
        let (told, tells) = std::sync::mpsc::channel();
        // A thread and a runtime of its own: it answers whatever the test does meanwhile.
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(Data::new(world.clone()))
                        .route(LEASES, web::get().to(watch))
                        .route(LEASES, web::post().to(create))
                        .route(&format!("{LEASES}/{{name}}"), web::get().to(get))
                        .route(&format!("{LEASES}/{{name}}"), web::put().to(replace))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind(("127.0.0.1", 0)).expect("a port");
                let address = server.addrs()[0];
                let server = server.run();
                told.send((address, server.handle())).expect("somebody waits");
                server.await.expect("it serves");
            });
        });
        let (address, handle) = tells.recv().expect("it starts");
        LeaseApi { address, handle }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LeaseApi {
    fn drop(&mut self) {
        // Told; whether it has ended interests nobody.
        drop(self.handle.stop(false));
    }
}

impl World {
    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a Lease under the next version and tells whoever watches.
    fn store(&self, leases: &mut Leases, name: &str, mut lease: Value, kind: &str) -> Value {
        leases.version += 1;
        lease["metadata"]["resourceVersion"] = json!(leases.version.to_string());
        leases.by_name.insert(name.to_owned(), lease.clone());
        // Nobody may be watching.
        let _ = self.events.send(json!({"type": kind, "object": lease}));
        lease
    }
}

fn refused(code: u16, reason: &str) -> HttpResponse {
    let status = StatusCode::from_u16(code).expect("a status");
    HttpResponse::build(status).json(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code,
    }))
}

/// What the real server checks of a Lease: times have six digits, a duration is positive.
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

async fn get(world: Data<World>, path: Path<(String, String)>) -> HttpResponse {
    match world.leases().by_name.get(&path.1) {
        Some(lease) => HttpResponse::Ok().json(lease),
        None => refused(404, "NotFound"),
    }
}

async fn create(world: Data<World>, lease: Json<Value>) -> HttpResponse {
    let name = lease["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut leases = world.leases();
    if leases.by_name.contains_key(&name) {
        return refused(409, "AlreadyExists");
    }
    if !is_valid(&lease) {
        return refused(422, "Invalid");
    }
    HttpResponse::Created().json(world.store(&mut leases, &name, lease.into_inner(), "ADDED"))
}

async fn replace(world: Data<World>, path: Path<(String, String)>, lease: Json<Value>) -> HttpResponse {
    let mut leases = world.leases();
    let Some(present) = leases.by_name.get(&path.1) else { return refused(404, "NotFound") };
    if !is_valid(&lease) {
        return refused(422, "Invalid");
    }
    if present["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"] {
        return refused(409, "Conflict");
    }
    HttpResponse::Ok().json(world.store(&mut leases, &path.1, lease.into_inner(), "MODIFIED"))
}

/// How the watched Lease is, and then each change.
async fn watch(world: Data<World>, query: Query<BTreeMap<String, String>>) -> HttpResponse {
    let name = query.get("fieldSelector").and_then(|field| field.strip_prefix("metadata.name="));
    let Some(name) = name.map(str::to_owned).filter(|_| query.contains_key("watch")) else {
        return refused(400, "BadRequest");
    };
    let leases = world.leases();
    let changes = world.events.subscribe();
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

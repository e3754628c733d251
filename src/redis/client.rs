//! A shared connection that is replaced when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt};
use github_stats_actors::spans;
use rand::RngExt;
use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::connect::{open, open_subscriber};
use super::connection::RedisConnection;
use super::failure::RedisFailure;
use super::{LuaScript, RedisCall, RedisClientError, RedisClientSettings};
use crate::meter::StoreRequestMeter;

/// Deadline for connecting, including the queries to sentinels and the check of the master's role.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Pause between a failed attempt to connect and the next one, doubled after each failure; calls in
/// between fail at once.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection shared by all clones; cheap to clone. It is opened on first use, discarded when a
/// call on it times out or fails with it, and opened again by a later call. While connecting fails,
/// calls fail at once instead of piling up.
#[derive(Clone)]
pub struct RedisClient {
    inner: Arc<Inner>,
}

struct Inner {
    settings: RedisClientSettings,
    meter: Arc<dyn StoreRequestMeter>,
    slot: Mutex<ConnectionSlot>,
    open: AtomicBool,
}

#[derive(Default)]
struct ConnectionSlot {
    connection: Option<RedisConnection>,
    /// Number of the connection, so that a call which failed on an earlier one does not discard the
    /// current one.
    generation: u64,
    last_failure: Option<ConnectFailure>,
}

struct ConnectFailure {
    error: RedisClientError,
    retry_at: Instant,
    pause: Duration,
}

enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
}

impl RedisClient {
    /// A client that connects on first use, so the server need not be up yet.
    pub fn new(settings: RedisClientSettings, meter: Arc<dyn StoreRequestMeter>) -> Self {
        install_crypto_provider();
        RedisClient {
            inner: Arc::new(Inner { settings, meter, slot: Mutex::default(), open: AtomicBool::new(false) }),
        }
    }

    pub fn settings(&self) -> &RedisClientSettings {
        &self.inner.settings
    }

    /// Whether there is a connection that worked when it was last used.
    pub fn is_open(&self) -> bool {
        self.inner.open.load(Ordering::Relaxed)
    }

    /// Sends one command and parses its reply.
    pub async fn query<T: FromRedisValue>(
        &self,
        call: RedisCall,
        command: &Cmd,
    ) -> Result<T, RedisClientError> {
        let value = self.request(call, Request::Command(command)).await.map_err(|failure| failure.error)?;
        parse_reply(value)
    }

    /// Sends commands in one round trip and returns their replies in order. In a cluster their keys
    /// must share one slot.
    pub async fn pipeline(
        &self,
        call: RedisCall,
        pipeline: &Pipeline,
    ) -> Result<Vec<Value>, RedisClientError> {
        match self.request(call, Request::Pipeline(pipeline)).await.map_err(|failure| failure.error)? {
            Value::Array(values) => Ok(values),
            other => parse_reply(other),
        }
    }

    /// Runs a script by its hash, and sends its code if the server has not cached it.
    pub async fn run<T: FromRedisValue>(
        &self,
        call: RedisCall,
        script: &LuaScript,
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
    ) -> Result<T, RedisClientError> {
        let build = |name: &str, code: &str| {
            let size = arguments.iter().map(Vec::len).sum::<usize>() + 256;
            let mut command = Cmd::with_capacity(3 + keys.len() + arguments.len(), size);
            command.arg(name).arg(code).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        let by_hash = build("EVALSHA", &script.hash);
        match self.request(call, Request::Command(&by_hash)).await {
            Err(failure) if failure.error.is_no_script() => {
                let with_code = build("EVAL", script.code);
                let value = self.request(call, Request::Command(&with_code)).await;
                parse_reply(value.map_err(|failure| failure.error)?)
            }
            value => parse_reply(value.map_err(|failure| failure.error)?),
        }
    }

    /// Sends a command to every master of a cluster and returns the replies by address; `None`
    /// outside of a cluster.
    pub(super) async fn query_masters(
        &self,
        call: RedisCall,
        command: &Cmd,
    ) -> Result<Option<Vec<(String, Value)>>, RedisClientError> {
        let (connection, generation) = self.connection().await.map_err(|failure| failure.error)?;
        let Some(query) = connection.query_masters(command) else { return Ok(None) };
        match timeout(call.limit, query).await {
            Ok(Ok(replies)) => Ok(Some(replies)),
            Ok(Err(error)) => Err(RedisFailure::from(error).error),
            Err(_) => {
                let failure = RedisFailure::timeout(call.limit);
                self.discard(generation, &failure).await;
                Err(failure.error)
            }
        }
    }

    /// Subscribes to a channel on a separate connection. The stream ends when that connection
    /// breaks.
    pub async fn subscribe(
        &self,
        channel: &str,
    ) -> Result<impl Stream<Item = Vec<u8>> + Send + use<>, RedisClientError> {
        let opened = timeout(CONNECT_LIMIT, async {
            let mut subscriber = open_subscriber(&self.inner.settings).await?;
            subscriber.subscribe(channel).await?;
            Ok::<_, RedisFailure>(subscriber)
        });
        let subscriber = opened.await.unwrap_or_else(|_| Err(RedisFailure::timeout(CONNECT_LIMIT)));
        let messages = subscriber.map_err(|failure| failure.error)?.into_on_message();
        Ok(messages.map(|message| message.get_payload_bytes().to_vec()))
    }

    async fn request(&self, call: RedisCall, request: Request<'_>) -> Result<Value, RedisFailure> {
        let started = Instant::now();
        let span = spans::within_trace(|| request_span(call.op));
        let result = async {
            match self.request_once(call, &request).await {
                Err(failure) if call.repeatable && failure.dropped => self.request_once(call, &request).await,
                result => result,
            }
        };
        let result = result.instrument(span.clone()).await;
        if let Err(failure) = &result
            && !failure.error.is_no_script()
        {
            spans::fail(&span, &failure.error);
        }
        self.inner.meter.observe(call.op, started.elapsed());
        result
    }

    async fn request_once(&self, call: RedisCall, request: &Request<'_>) -> Result<Value, RedisFailure> {
        let (mut connection, generation) = self.connection().await?;
        let result = match timeout(call.limit, send(&mut connection, request)).await {
            Ok(result) => result.map_err(RedisFailure::from),
            Err(_) => Err(RedisFailure::timeout(call.limit)),
        };
        if let Err(failure) = &result
            && failure.breaks_connection
        {
            self.discard(generation, failure).await;
        }
        result
    }

    /// The current connection, or a new one. One caller connects while the others wait for the
    /// result.
    async fn connection(&self) -> Result<(RedisConnection, u64), RedisFailure> {
        let mut slot = self.inner.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((connection.clone(), slot.generation));
        }
        let now = Instant::now();
        if let Some(failure) = &slot.last_failure
            && now < failure.retry_at
        {
            return Err(RedisFailure::on_connection(failure.error.clone()));
        }
        let opened = timeout(CONNECT_LIMIT, open(&self.inner.settings)).await;
        match opened.unwrap_or_else(|_| Err(RedisFailure::timeout(CONNECT_LIMIT))) {
            Ok(connection) => {
                slot.connection = Some(connection.clone());
                slot.generation += 1;
                slot.last_failure = None;
                self.inner.open.store(true, Ordering::Relaxed);
                Ok((connection, slot.generation))
            }
            Err(failure) => {
                let last = slot.last_failure.take().map_or(FIRST_PAUSE / 2, |failure| failure.pause);
                slot.last_failure = Some(ConnectFailure::new(&failure, (last * 2).min(LONGEST_PAUSE)));
                Err(RedisFailure { dropped: false, ..failure })
            }
        }
    }

    /// Stops using a connection; requests under way on it may still complete. If the server refused
    /// or did not answer, the next attempt to connect waits for a pause.
    async fn discard(&self, generation: u64, failure: &RedisFailure) {
        let mut slot = self.inner.slot.lock().await;
        if slot.generation != generation || slot.connection.take().is_none() {
            return;
        }
        self.inner.open.store(false, Ordering::Relaxed);
        if !failure.dropped {
            slot.last_failure = Some(ConnectFailure::new(failure, FIRST_PAUSE));
        }
    }
}

fn request_span(op: &str) -> Span {
    tracing::info_span!(
        "store.exchange",
        otel.kind = "client",
        db.system.name = "redis",
        op,
        otel.status_code = Empty,
        otel.status_description = Empty
    )
}

impl ConnectFailure {
    /// The pause has jitter, so that replicas do not reconnect all at once.
    fn new(failure: &RedisFailure, pause: Duration) -> Self {
        let retry_at = Instant::now() + pause.mul_f64(rand::rng().random_range(0.5..=1.0));
        ConnectFailure { error: failure.error.clone(), retry_at, pause }
    }
}

async fn send(connection: &mut RedisConnection, request: &Request<'_>) -> Result<Value, RedisError> {
    match request {
        Request::Command(command) => connection.req_packed_command(command).await?.extract_error(),
        Request::Pipeline(pipeline) => {
            let values = connection.req_packed_commands(pipeline, 0, pipeline.len()).await?;
            let values: Result<Vec<Value>, RedisError> =
                values.into_iter().map(Value::extract_error).collect();
            Ok(Value::Array(values?))
        }
    }
}

/// Converts a reply to the expected type.
pub(super) fn parse_reply<T: FromRedisValue>(value: Value) -> Result<T, RedisClientError> {
    redis::from_redis_value(value)
        .map_err(|error| RedisClientError::Damaged(format!("unexpected reply from redis: {error}")))
}

/// Installs the process-wide rustls provider. Without it, every TLS connection would panic as soon
/// as the dependencies bring in a second provider.
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if another thread installed one in the meantime, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

//! A shared connection that is made again when it breaks.

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

use super::connection::{RedisConnection, open_listener};
use super::failure::RedisFailure;
use super::{LuaScript, RedisClientError, RedisClientSettings};
use crate::meter::Meter;

/// How long connecting may take, sentinels and their verification included.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How long after a failed connect the next one is tried; until then calls fail at once.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What a small exchange may take.
const QUICK: Duration = Duration::from_secs(2);
/// What an exchange of thousands of records may take.
const BULK: Duration = Duration::from_secs(10);

/// What is asked, how long it may take, and whether it may be sent twice.
#[derive(Clone, Copy, Debug)]
pub struct RedisCall {
    op: &'static str,
    limit: Duration,
    repeatable: bool,
}

impl RedisCall {
    /// A small exchange, measured as `op`.
    pub const fn quick(op: &'static str) -> Self {
        RedisCall { op, limit: QUICK, repeatable: false }
    }

    /// An exchange of thousands of records.
    pub const fn bulk(op: &'static str) -> Self {
        RedisCall { op, limit: BULK, repeatable: false }
    }

    /// Doing it twice is as good as once: it is sent again when the connection turns out to be dead.
    pub const fn repeatable(self) -> Self {
        RedisCall { repeatable: true, ..self }
    }
}

/// A connection that everybody shares; cheap to clone. It is made when it is first needed, given up when a call times out or
/// breaks on it, and made again by a later call. While it cannot be made, calls fail at once instead of piling up.
#[derive(Clone)]
pub struct RedisClient {
    inner: Arc<Inner>,
}

struct Inner {
    settings: RedisClientSettings,
    meter: Arc<dyn Meter>,
    slot: Mutex<Slot>,
    open: AtomicBool,
}

#[derive(Default)]
struct Slot {
    connection: Option<RedisConnection>,
    /// Counts connections, so that only who used the present one gives it up.
    generation: u64,
    failed: Option<Failed>,
}

struct Failed {
    error: RedisClientError,
    until: Instant,
    pause: Duration,
}

enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
}

impl RedisClient {
    /// A link that connects when it is first used: there is no need for a server yet.
    pub fn new(settings: RedisClientSettings, meter: Arc<dyn Meter>) -> Self {
        install_crypto();
        RedisClient {
            inner: Arc::new(Inner { settings, meter, slot: Mutex::default(), open: AtomicBool::new(false) }),
        }
    }

    /// What it was made of.
    pub fn settings(&self) -> &RedisClientSettings {
        &self.inner.settings
    }

    /// Whether the connection was good when it was last used.
    pub fn is_open(&self) -> bool {
        self.inner.open.load(Ordering::Relaxed)
    }

    /// Sends one command.
    pub async fn query<T: FromRedisValue>(
        &self,
        call: RedisCall,
        command: &Cmd,
    ) -> Result<T, RedisClientError> {
        let value = self.exchange(call, Request::Command(command)).await.map_err(|failure| failure.error)?;
        parsed(value)
    }

    /// Sends commands together; in a cluster their keys must share one slot. Answers what each one answered.
    pub async fn pipeline(
        &self,
        call: RedisCall,
        pipeline: &Pipeline,
    ) -> Result<Vec<Value>, RedisClientError> {
        match self.exchange(call, Request::Pipeline(pipeline)).await.map_err(|failure| failure.error)? {
            Value::Array(values) => Ok(values),
            other => parsed(other),
        }
    }

    /// Runs a script, which the server may or may not have seen before.
    pub async fn run<T: FromRedisValue>(
        &self,
        call: RedisCall,
        script: &LuaScript,
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
    ) -> Result<T, RedisClientError> {
        let prepared = |name: &str, code: &str| {
            let size = arguments.iter().map(Vec::len).sum::<usize>() + 256;
            let mut command = Cmd::with_capacity(3 + keys.len() + arguments.len(), size);
            command.arg(name).arg(code).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        let by_hash = prepared("EVALSHA", &script.hash);
        match self.exchange(call, Request::Command(&by_hash)).await {
            Err(failure) if failure.error.is_no_script() => {
                let in_full = prepared("EVAL", script.code);
                let value = self.exchange(call, Request::Command(&in_full)).await;
                parsed(value.map_err(|failure| failure.error)?)
            }
            value => parsed(value.map_err(|failure| failure.error)?),
        }
    }

    /// Asks every master of a cluster; `None` where there is no cluster.
    pub(super) async fn ask_masters(
        &self,
        call: RedisCall,
        command: &Cmd,
    ) -> Result<Option<Vec<(String, Value)>>, RedisClientError> {
        let (connection, generation) = self.connection().await.map_err(|failure| failure.error)?;
        let Some(asked) = connection.ask_masters(command) else { return Ok(None) };
        match timeout(call.limit, asked).await {
            Ok(Ok(answers)) => Ok(Some(answers)),
            Ok(Err(error)) => Err(RedisFailure::from(error).error),
            Err(_) => {
                let failure = RedisFailure::timeout(call.limit);
                self.give_up(generation, &failure).await;
                Err(failure.error)
            }
        }
    }

    /// Listens to a channel, on a connection of its own, until that breaks.
    pub async fn listen(
        &self,
        channel: &str,
    ) -> Result<impl Stream<Item = Vec<u8>> + Send + use<>, RedisClientError> {
        let opened = timeout(CONNECT_LIMIT, async {
            let mut listener = open_listener(&self.inner.settings).await?;
            listener.subscribe(channel).await?;
            Ok::<_, RedisFailure>(listener)
        });
        let listener = opened.await.unwrap_or_else(|_| Err(RedisFailure::timeout(CONNECT_LIMIT)));
        let messages = listener.map_err(|failure| failure.error)?.into_on_message();
        Ok(messages.map(|message| message.get_payload_bytes().to_vec()))
    }

    async fn exchange(&self, call: RedisCall, request: Request<'_>) -> Result<Value, RedisFailure> {
        let begun = Instant::now();
        let span = spans::within_trace(|| exchange_span(call.op));
        let answer = async {
            match self.exchange_once(call, &request).await {
                Err(failure) if call.repeatable && failure.dropped => {
                    self.exchange_once(call, &request).await
                }
                answer => answer,
            }
        };
        let answer = answer.instrument(span.clone()).await;
        if let Err(failure) = &answer
            && !failure.error.is_no_script()
        {
            spans::fail(&span, &failure.error);
        }
        let went_well = answer.is_ok() || matches!(&answer, Err(failure) if failure.error.is_no_script());
        self.inner.meter.exchanged(call.op, begun.elapsed(), went_well);
        answer
    }

    async fn exchange_once(&self, call: RedisCall, request: &Request<'_>) -> Result<Value, RedisFailure> {
        let (mut connection, generation) = self.connection().await?;
        let answer = match timeout(call.limit, send(&mut connection, request)).await {
            Ok(answer) => answer.map_err(RedisFailure::from),
            Err(_) => Err(RedisFailure::timeout(call.limit)),
        };
        if let Err(failure) = &answer
            && failure.breaks
        {
            self.give_up(generation, failure).await;
        }
        answer
    }

    /// The present connection, or a new one. One caller connects; the others wait and see what became of it.
    pub(super) async fn connection(&self) -> Result<(RedisConnection, u64), RedisFailure> {
        let mut slot = self.inner.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((connection.clone(), slot.generation));
        }
        let now = Instant::now();
        if let Some(failed) = &slot.failed
            && now < failed.until
        {
            return Err(RedisFailure { error: failed.error.clone(), breaks: false, dropped: false });
        }
        let opened = timeout(CONNECT_LIMIT, RedisConnection::open(&self.inner.settings)).await;
        match opened.unwrap_or_else(|_| Err(RedisFailure::timeout(CONNECT_LIMIT))) {
            Ok(connection) => {
                slot.connection = Some(connection.clone());
                slot.generation += 1;
                slot.failed = None;
                self.inner.open.store(true, Ordering::Relaxed);
                Ok((connection, slot.generation))
            }
            Err(failure) => {
                let last = slot.failed.take().map_or(FIRST_PAUSE / 2, |failed| failed.pause);
                slot.failed = Some(Failed::after(&failure, (last * 2).min(LONGEST_PAUSE)));
                Err(RedisFailure { dropped: false, ..failure })
            }
        }
    }

    /// Others may still finish what they have under way on it. A server that said no, or nothing, is left alone for a moment.
    async fn give_up(&self, generation: u64, failure: &RedisFailure) {
        let mut slot = self.inner.slot.lock().await;
        if slot.generation != generation || slot.connection.take().is_none() {
            return;
        }
        self.inner.open.store(false, Ordering::Relaxed);
        if !failure.dropped {
            slot.failed = Some(Failed::after(failure, FIRST_PAUSE));
        }
    }
}

fn exchange_span(op: &str) -> Span {
    tracing::info_span!(
        "store.exchange",
        otel.kind = "client",
        db.system.name = "redis",
        op,
        otel.status_code = Empty,
        otel.status_description = Empty
    )
}

impl Failed {
    /// With jitter, so that replicas do not come back all at once.
    fn after(failure: &RedisFailure, pause: Duration) -> Self {
        let until = Instant::now() + pause.mul_f64(rand::rng().random_range(0.5..=1.0));
        Failed { error: failure.error.clone(), until, pause }
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

fn parsed<T: FromRedisValue>(value: Value) -> Result<T, RedisClientError> {
    redis::from_redis_value(value)
        .map_err(|error| RedisClientError::Damaged(format!("redis answered something unexpected: {error}")))
}

/// Every library that encrypts shares the process's provider; without one, a second provider among the dependencies would make
/// each connection panic.
fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been quicker, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

//! Election by a key of Redis.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::FromRedisValue;
use async_trait::async_trait;
use futures::StreamExt;
use github_stats_actors::role::{ElectionBasis, ElectionError, ElectionStatus, Elector};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::LeaseTiming;
use super::lease_term::LeaseTerm;
use crate::redis::{LuaScript, RedisCall, RedisClient, RedisClientError};

/// KEYS: the key. ARGV: identity, time to live in milliseconds. Returns the outcome, the holder,
/// and the remaining time to live.
const ACQUIRE: &str = r"
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
  return {'acquired', ARGV[1], ARGV[2]}
end
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'renewed', holder, ARGV[2]}
end
return {'held', holder, tostring(redis.call('PTTL', KEYS[1]))}
";

/// KEYS: the key. ARGV: identity, channel for the announcement. The lease is released even if the
/// user may not publish.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], ARGV[1])
return 1
";

/// Pause after the subscription breaks before the next one is made.
const RESUBSCRIBE_PAUSE: Duration = Duration::from_secs(1);

/// Elects by a key with an expiry.
///
/// Only the clock of Redis decides when a lease expires; the leader's own deadline counts from
/// before its request. A release is published, so that subscribed replicas attempt to acquire the
/// lease at once.
pub struct RedisElector {
    lease: Arc<RedisLease>,
    acquire: LuaScript,
    release: LuaScript,
    subscription: Mutex<JoinSet<()>>,
    reason: String,
}

/// The part that the subscription task shares.
struct RedisLease {
    client: RedisClient,
    key: String,
    identity: String,
    timing: LeaseTiming,
    state: Mutex<LeaseState>,
    /// Notified when an attempt is worth making; a notification without a waiter is kept for the
    /// next one.
    attempt_due: Notify,
}

#[derive(Default)]
struct LeaseState {
    term: LeaseTerm,
    /// When the lease of another holder expires unless it renews.
    holder_expires: Option<Instant>,
}

impl RedisElector {
    /// Competes as `identity`, which must be unique, for the key `name` under `prefix`. `reason`
    /// says why this backend is used.
    pub fn new(
        client: RedisClient,
        (prefix, name): (&str, &str),
        identity: String,
        timing: LeaseTiming,
        reason: impl Into<String>,
    ) -> Self {
        let lease = RedisLease {
            client,
            key: format!("{prefix}:election:{name}"),
            identity,
            timing,
            state: Mutex::default(),
            attempt_due: Notify::new(),
        };
        RedisElector {
            lease: Arc::new(lease),
            acquire: LuaScript::new(ACQUIRE),
            release: LuaScript::new(RELEASE),
            subscription: Mutex::default(),
            reason: reason.into(),
        }
    }

    async fn run<T: FromRedisValue>(
        &self,
        call: RedisCall,
        script: &LuaScript,
        argument: &str,
    ) -> Result<T, RedisClientError> {
        let keys = [self.lease.key.clone().into_bytes()];
        let arguments = [self.lease.identity.clone().into_bytes(), argument.as_bytes().to_vec()];
        self.lease.client.run(call, script, &keys, &arguments).await
    }

    async fn acquire(&self) -> Result<ElectionStatus, RedisClientError> {
        let timing = self.lease.timing;
        let millis = timing.lease_duration.as_millis().to_string();
        // Counts from before the request, while the expiry in Redis counts from later.
        let until = Instant::now() + timing.renew_deadline;
        let (outcome, holder, ttl): (String, String, String) =
            self.run(RedisCall::quick("elect"), &self.acquire, &millis).await?;
        let mut state = self.lease.state();
        state.holder_expires = None;
        Ok(match outcome.as_str() {
            "acquired" => state.term.acquired(until),
            "renewed" => state.term.renewed(until),
            _ => {
                state.term.lost();
                // The TTL is negative if another program set the key without expiry; there is
                // nothing to wait for then.
                let ttl = ttl.parse().ok().map(Duration::from_millis);
                state.holder_expires = ttl.map(|ttl| Instant::now() + ttl);
                ElectionStatus::Follower { leader: Some(holder) }
            }
        })
    }

    /// Starts the task that follows releases, unless it is running.
    fn subscribe(&self) {
        let mut subscription = self.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        if subscription.is_empty() {
            let lease = self.lease.clone();
            subscription.spawn(async move {
                loop {
                    lease.follow_releases().await;
                    sleep(RESUBSCRIBE_PAUSE).await;
                }
            });
        }
    }
}

impl RedisLease {
    fn state(&self) -> MutexGuard<'_, LeaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives announcements of releases until the connection breaks.
    async fn follow_releases(&self) {
        let mut releases = match self.client.subscribe(&self.key).await {
            Ok(releases) => Box::pin(releases),
            // Attempts fail with the same error, which is logged for them.
            Err(error) => return tracing::debug!(%error, "cannot subscribe to releases of the lease"),
        };
        // A release that was announced before the subscription is found by one more attempt.
        self.attempt_due.notify_one();
        while releases.next().await.is_some() {
            self.attempt_due.notify_one();
        }
    }
}

#[async_trait]
impl Elector for RedisElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        let limit = self.lease.timing.attempt_limit();
        match timeout(limit, self.acquire()).await {
            Ok(outcome) => outcome.map_err(|error| ElectionError(error.to_string())),
            Err(_) => Err(ElectionError(format!("redis did not answer within {limit:?}"))),
        }
    }

    async fn resign(&self) {
        self.lease.state().term.lost();
        let call = RedisCall::quick("elect").repeatable();
        if let Err(error) = self.run::<u64>(call, &self.release, &self.lease.key).await {
            tracing::warn!(%error, "the lease was not released; it will expire");
        }
    }

    async fn changed(&self) {
        self.subscribe();
        let holder_expires = self.lease.state().holder_expires;
        let expired = async {
            match holder_expires {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.lease.attempt_due.notified() => {}
            () = expired => {}
        }
    }

    fn basis(&self) -> ElectionBasis {
        ElectionBasis { backend: "redis", reason: self.reason.clone(), degraded: false }
    }
}

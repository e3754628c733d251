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
use super::terms::LeadershipTerms;
use crate::redis::{LuaScript, RedisCall, RedisClient, RedisClientError};

/// KEYS: the key. ARGV: who; for how many milliseconds. Answers what became of it, who holds it, and for how long yet.
const TAKE: &str = r"
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

/// KEYS: the key. ARGV: who; where to announce it. A user who may not announce may release all the same.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], ARGV[1])
return 1
";

/// How long after a connection that listened broke the next one is made.
const PAUSE: Duration = Duration::from_secs(1);

/// Stands for election by setting a key that expires.
///
/// Redis is the only clock that decides when a lease has ended; a leader's own deadline is counted from before its request.
/// A release is published, and whoever listens stands at once.
pub struct RedisElector {
    shared: Arc<Shared>,
    take: LuaScript,
    release: LuaScript,
    listening: Mutex<JoinSet<()>>,
    reason: String,
}

struct Shared {
    link: RedisClient,
    key: String,
    identity: String,
    timing: LeaseTiming,
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Default)]
struct State {
    terms: LeadershipTerms,
    /// When another's lease ends unless it renews.
    rival_ends: Option<Instant>,
}

impl RedisElector {
    /// Stands as `identity`, which nobody else has, for the key `name` under `prefix`; `reason` says why Redis decides.
    pub fn new(
        link: RedisClient,
        (prefix, name): (&str, &str),
        identity: String,
        timing: LeaseTiming,
        reason: impl Into<String>,
    ) -> Self {
        let shared = Shared {
            link,
            key: format!("{prefix}:election:{name}"),
            identity,
            timing,
            state: Mutex::default(),
            bell: Notify::new(),
        };
        RedisElector {
            shared: Arc::new(shared),
            take: LuaScript::new(TAKE),
            release: LuaScript::new(RELEASE),
            listening: Mutex::default(),
            reason: reason.into(),
        }
    }

    async fn run<T: FromRedisValue>(
        &self,
        call: RedisCall,
        script: &LuaScript,
        argument: &str,
    ) -> Result<T, RedisClientError> {
        let keys = [self.shared.key.clone().into_bytes()];
        let arguments = [self.shared.identity.clone().into_bytes(), argument.as_bytes().to_vec()];
        self.shared.link.run(call, script, &keys, &arguments).await
    }

    async fn take(&self) -> Result<ElectionStatus, RedisClientError> {
        let timing = self.shared.timing;
        let millis = timing.lease_duration.as_millis().to_string();
        // Counted from before the request: Redis counts from later.
        let asked = Instant::now();
        let until = asked + timing.renew_deadline;
        let (outcome, holder, left): (String, String, String) =
            self.run(RedisCall::quick("elect"), &self.take, &millis).await?;
        let mut state = self.shared.state();
        state.rival_ends = None;
        Ok(match outcome.as_str() {
            "acquired" => state.terms.won_anew(until),
            "renewed" => state.terms.won(until),
            _ => {
                state.terms.lost();
                // Without an expiry, which somebody else must have set it without, there is nothing to wait for.
                let left = left.parse().ok().map(Duration::from_millis);
                state.rival_ends = left.map(|left| Instant::now() + left);
                ElectionStatus::Follower { leader: Some(holder) }
            }
        })
    }

    fn listen(&self) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.is_empty() {
            let shared = self.shared.clone();
            listening.spawn(async move {
                loop {
                    shared.follow().await;
                    sleep(PAUSE).await;
                }
            });
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows what is announced until the connection breaks.
    async fn follow(&self) {
        let mut releases = match self.link.listen(&self.key).await {
            Ok(releases) => Box::pin(releases),
            // Attempts meet the same error and tell it.
            Err(error) => return tracing::debug!(%error, "releases cannot be listened for"),
        };
        // What was announced before the connection stood is found by looking once.
        self.bell.notify_one();
        while releases.next().await.is_some() {
            self.bell.notify_one();
        }
    }
}

#[async_trait]
impl Elector for RedisElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        let limit = self.shared.timing.attempt_limit();
        match timeout(limit, self.take()).await {
            Ok(outcome) => outcome.map_err(|error| ElectionError(error.to_string())),
            Err(_) => Err(ElectionError(format!("redis did not answer within {limit:?}"))),
        }
    }

    async fn resign(&self) {
        self.shared.state().terms.lost();
        let call = RedisCall::quick("elect").repeatable();
        if let Err(error) = self.run::<u64>(call, &self.release, &self.shared.key).await {
            tracing::warn!(%error, "leadership was not released; it ends by itself");
        }
    }

    async fn changed(&self) {
        self.listen();
        let rival_ends = self.shared.state().rival_ends;
        let vanished = async {
            match rival_ends {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shared.bell.notified() => {}
            () = vanished => {}
        }
    }

    fn basis(&self) -> ElectionBasis {
        ElectionBasis { backend: "redis", reason: self.reason.clone(), degraded: false }
    }
}

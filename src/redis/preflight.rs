//! Checks whether a Redis is configured so that it can be used.

use std::collections::BTreeMap;

use redis::{Cmd, FromRedisValue, Value, cmd};
use tokio::time::Instant;

use super::client::parse_reply;
use super::{RedisCall, RedisClient, RedisClientError};

/// The oldest version that supports every command in use.
const OLDEST: (u32, u32) = (6, 2);

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingLevel {
    /// As it should be.
    Good,
    /// It works, but is worth an operator's attention.
    Doubtful,
    /// It must be corrected before use.
    Bad,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightFinding {
    pub level: FindingLevel,
    /// What was found, and what to do about it.
    pub text: String,
}

/// The results of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// In the order of the checks.
    pub findings: Vec<PreflightFinding>,
}

impl Preflight {
    /// The most serious level of all findings.
    pub fn level(&self) -> FindingLevel {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(FindingLevel::Good)
    }

    /// Adds a finding.
    pub fn add(&mut self, level: FindingLevel, text: impl Into<String>) {
        self.findings.push(PreflightFinding { level, text: text.into() });
    }
}

impl RedisClient {
    /// Checks every server that accepts writes: latency, version, role, persistence and eviction
    /// policy.
    pub async fn preflight(&self) -> Preflight {
        let mut preflight = Preflight::default();
        let started = Instant::now();
        if let Err(error) = self.query::<Value>(RedisCall::quick("check"), &cmd("PING")).await {
            preflight.add(FindingLevel::Bad, error.to_string());
            return preflight;
        }
        // The first PING includes connecting, the second one does not.
        let connected = started.elapsed();
        let started = Instant::now();
        if let Err(error) = self.query::<Value>(RedisCall::quick("check"), &cmd("PING")).await {
            preflight.add(FindingLevel::Bad, error.to_string());
            return preflight;
        }
        let (connected, latency) = (connected.as_secs_f64() * 1e3, started.elapsed().as_secs_f64() * 1e3);
        preflight.add(
            FindingLevel::Good,
            format!("connected to redis in {connected:.0} ms; it answers in {latency:.1} ms"),
        );
        self.check_info(&mut preflight).await;
        self.check_eviction_policy(&mut preflight).await;
        preflight
    }

    async fn check_info(&self, preflight: &mut Preflight) {
        match self.query_all::<String>(&cmd("INFO")).await {
            Ok(servers) => {
                for (server, info) in servers {
                    let info = Info::parse(&info);
                    check_version(preflight, &server, &info);
                    check_persistence(preflight, &server, &info);
                }
            }
            Err(error) => {
                preflight.add(
                    FindingLevel::Doubtful,
                    format!("the version of redis cannot be checked (INFO): {error}"),
                );
            }
        }
    }

    async fn check_eviction_policy(&self, preflight: &mut Preflight) {
        let mut command = cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        match self.query_all::<BTreeMap<String, String>>(&command).await {
            Ok(servers) => {
                for (server, settings) in servers {
                    match settings.get("maxmemory-policy").map(String::as_str) {
                        Some("noeviction") => {
                            preflight.add(FindingLevel::Good, format!("{server}maxmemory-policy is noeviction"));
                        }
                        Some(other) => preflight.add(
                            FindingLevel::Bad,
                            format!(
                                "{server}maxmemory-policy is {other}, with which redis silently drops facts when its memory \
                                 is full: set it to noeviction"
                            ),
                        ),
                        None => preflight.add(FindingLevel::Doubtful, format!("{server}maxmemory-policy is unknown")),
                    }
                }
            }
            Err(_) => preflight.add(
                FindingLevel::Doubtful,
                "there is no permission to check maxmemory-policy (CONFIG GET): make sure that it is noeviction",
            ),
        }
    }

    /// Queries every server that accepts writes. Each reply comes with a prefix for findings: the
    /// server's address in a cluster, else an empty string.
    async fn query_all<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> Result<Vec<(String, T)>, RedisClientError> {
        let Some(replies) = self.query_masters(RedisCall::quick("check"), command).await? else {
            return Ok(vec![(String::new(), self.query(RedisCall::quick("check"), command).await?)]);
        };
        let parsed =
            replies.into_iter().map(|(server, reply)| Ok((format!("{server}: "), parse_reply(reply)?)));
        parsed.collect()
    }
}

/// The fields of an `INFO` reply.
struct Info<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    fn parse(text: &'a str) -> Self {
        Info(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    fn get(&self, name: &str) -> &'a str {
        self.0.get(name).copied().unwrap_or_default()
    }
}

fn check_version(preflight: &mut Preflight, server: &str, info: &Info<'_>) {
    let version = info.get("redis_version");
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let (major, minor) = OLDEST;
    if found < OLDEST {
        preflight.add(
            FindingLevel::Bad,
            format!(
                "{server}redis has version {version:?}, but {major}.{minor} or later is required: upgrade it"
            ),
        );
        return;
    }
    let replicas = info.get("connected_slaves");
    match info.get("role") {
        "master" => {
            preflight.add(
                FindingLevel::Good,
                format!("{server}redis {version} is a master with {replicas} replicas"),
            );
        }
        role => preflight.add(
            FindingLevel::Bad,
            format!(
                "{server}redis {version} has the role {role:?} and accepts no writes: configure its master instead"
            ),
        ),
    }
}

fn check_persistence(preflight: &mut Preflight, server: &str, info: &Info<'_>) {
    if info.get("aof_enabled") == "1" {
        preflight.add(FindingLevel::Good, format!("{server}writes are appended to a file (appendonly)"));
    } else {
        preflight.add(
            FindingLevel::Doubtful,
            format!(
                "{server}appendonly is off: a crash loses everything written since the last snapshot, which must then be \
                 collected from GitHub again; set appendonly yes"
            ),
        );
    }
    if info.get("rdb_last_bgsave_status") == "err" {
        preflight.add(FindingLevel::Bad, format!("{server}the last snapshot failed: see the log of redis"));
    }
}

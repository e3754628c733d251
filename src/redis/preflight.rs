//! Whether a Redis is fit to be used, in sentences.

use std::collections::BTreeMap;

use redis::{Cmd, FromRedisValue, Value, cmd};
use tokio::time::Instant;

use super::{RedisCall, RedisClient, RedisClientError};

/// The oldest version that has every command in use.
const OLDEST: (u32, u32) = (6, 2);

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingLevel {
    /// As it should be.
    Good,
    /// It works, but somebody should look at it.
    Doubtful,
    /// It must not be used like this.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightFinding {
    /// How good it is.
    pub verdict: FindingLevel,
    /// What was found, and what to do about it.
    pub text: String,
}

/// What was found out about a Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// In the order they were looked at.
    pub findings: Vec<PreflightFinding>,
}

impl Preflight {
    /// The worst of its verdicts.
    pub fn verdict(&self) -> FindingLevel {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(FindingLevel::Good)
    }

    /// Adds a finding.
    pub fn add(&mut self, verdict: FindingLevel, text: impl Into<String>) {
        self.findings.push(PreflightFinding { verdict, text: text.into() });
    }
}

impl RedisClient {
    /// Looks at every server that is written to.
    pub async fn preflight(&self) -> Preflight {
        let mut preflight = Preflight::default();
        let begun = Instant::now();
        if let Err(error) = self.query::<Value>(RedisCall::quick("check"), &cmd("PING")).await {
            preflight.add(FindingLevel::Bad, error.to_string());
            return preflight;
        }
        // The first one connected.
        let connected = begun.elapsed();
        let begun = Instant::now();
        if let Err(error) = self.query::<Value>(RedisCall::quick("check"), &cmd("PING")).await {
            preflight.add(FindingLevel::Bad, error.to_string());
            return preflight;
        }
        let (connected, answered) = (connected.as_secs_f64() * 1e3, begun.elapsed().as_secs_f64() * 1e3);
        preflight.add(
            FindingLevel::Good,
            format!("redis lets us in within {connected:.0} ms and answers in {answered:.1} ms"),
        );
        self.look_at_info(&mut preflight).await;
        self.look_at_configuration(&mut preflight).await;
        preflight
    }

    async fn look_at_info(&self, preflight: &mut Preflight) {
        match self.everywhere::<String>(&cmd("INFO")).await {
            Ok(servers) => {
                for (server, info) in servers {
                    let info = Info::read(&info);
                    look_at_version(preflight, &server, &info);
                    look_at_persistence(preflight, &server, &info);
                }
            }
            Err(error) => {
                preflight.add(
                    FindingLevel::Doubtful,
                    format!("redis may not be asked for its version (INFO): {error}"),
                );
            }
        }
    }

    async fn look_at_configuration(&self, preflight: &mut Preflight) {
        let mut command = cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        match self.everywhere::<BTreeMap<String, String>>(&command).await {
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
                        None => preflight.add(FindingLevel::Doubtful, format!("{server}maxmemory-policy is not told")),
                    }
                }
            }
            Err(_) => preflight.add(
                FindingLevel::Doubtful,
                "redis may not be asked for its maxmemory-policy (CONFIG GET): make sure that it is noeviction",
            ),
        }
    }

    /// Asks every server that is written to; the name of each, to begin a sentence with, is empty where there is one only.
    async fn everywhere<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> Result<Vec<(String, T)>, RedisClientError> {
        let Some(answers) = self.ask_masters(RedisCall::quick("check"), command).await? else {
            return Ok(vec![(String::new(), self.query(RedisCall::quick("check"), command).await?)]);
        };
        let named = answers.into_iter().map(|(server, answer)| {
            let answer = redis::from_redis_value(answer).map_err(|error| {
                RedisClientError::Damaged(format!("redis answered something unexpected: {error}"))
            })?;
            Ok((format!("{server}: "), answer))
        });
        named.collect()
    }
}

/// What `INFO` tells.
struct Info<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    fn read(text: &'a str) -> Self {
        Info(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    fn get(&self, name: &str) -> &'a str {
        self.0.get(name).copied().unwrap_or_default()
    }
}

fn look_at_version(preflight: &mut Preflight, server: &str, info: &Info<'_>) {
    let version = info.get("redis_version");
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let (major, minor) = OLDEST;
    if found < OLDEST {
        preflight.add(
            FindingLevel::Bad,
            format!("{server}redis is version {version:?}, but {major}.{minor} is the oldest that works: upgrade it"),
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
                "{server}redis {version} has the role {role:?} and takes no writes: name its master instead"
            ),
        ),
    }
}

fn look_at_persistence(preflight: &mut Preflight, server: &str, info: &Info<'_>) {
    if info.get("aof_enabled") == "1" {
        preflight
            .add(FindingLevel::Good, format!("{server}what is written is appended to a file (appendonly)"));
    } else {
        preflight.add(
            FindingLevel::Doubtful,
            format!(
                "{server}appendonly is off: a crash loses what was written since the last snapshot, and it is collected from \
                 GitHub again; set appendonly yes"
            ),
        );
    }
    if info.get("rdb_last_bgsave_status") == "err" {
        preflight.add(FindingLevel::Bad, format!("{server}the last snapshot failed: see the log of redis"));
    }
}

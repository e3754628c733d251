//! Faults on demand.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::digest;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;

/// Which requests a fault meets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matcher {
    /// All.
    Always,
    /// Those whose path and query contain this, written by names or as asked.
    Path(String),
    /// Those of one endpoint.
    Endpoint(Endpoint),
    /// Those about one account and its repositories; in GraphQL those whose query or variables name it.
    Org(String),
    /// Those about one repository, `owner/name`.
    Repo(String),
    /// Those of one token, by its fingerprint.
    Token(String),
    /// GraphQL requests of this operation or, without a name, of these fields at the root.
    Operation(String),
    /// Those whose body contains this, such as a node id.
    Body(String),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An error of this status, with extra headers.
    Status {
        /// HTTP status.
        code: u16,
        /// Its message.
        message: String,
        /// Headers to add.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// The right answer, this many milliseconds late.
    Delay {
        /// Milliseconds of real time.
        millis: u64,
    },
    /// No answer ever.
    Hang,
    /// The connection is cut before a single byte is answered.
    CutBeforeHeaders,
    /// The connection is cut in the middle of the body.
    TruncatedBody,
    /// A body that is no JSON, with status 200.
    MalformedBody,
    /// The primary limit is exhausted and, so the headers say, reset a simulated minute later.
    RateLimitedPrimary,
    /// A secondary limit is exceeded.
    SecondaryLimit {
        /// Seconds of `Retry-After`; `None`: the header is missing.
        retry_after: Option<u64>,
    },
    /// GraphQL: a query that may touch more nodes than this takes too long. It costs its points.
    TimeoutAbove {
        /// Nodes that are still quick enough.
        nodes: u64,
        /// 502 or 504.
        code: u16,
    },
    /// GraphQL: a query that may touch more nodes than this has no data but `RESOURCE_LIMITS_EXCEEDED`.
    ResourceLimitsAbove {
        /// Nodes that are still within the limits.
        nodes: u64,
    },
    /// GraphQL: no data but an error of this type, with status 200, such as `RATE_LIMITED`.
    GraphqlError {
        /// Its type.
        name: String,
        /// Its message.
        message: String,
    },
    /// GraphQL: every so many-th of the items of each `nodes` is null, and an error says so.
    PartialData {
        /// 1: all of them; 2: every other one.
        every: usize,
    },
}

/// A fault and when it strikes; all its conditions must hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Fault {
    /// Which requests it meets.
    pub matcher: Matcher,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often it strikes before it is over; `None`: without end.
    #[serde(default)]
    pub times: Option<usize>,
    /// Simulated time at which it is over.
    #[serde(default, deserialize_with = "optional_time")]
    pub until: Option<Timestamp>,
    /// Share of the matching requests it strikes, between 0 and 1; `None`: all.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Seed of that choice.
    #[serde(default)]
    pub seed: u64,
}

impl Fault {
    /// A fault that strikes every matching request.
    pub fn new(matcher: Matcher, kind: FaultKind) -> Self {
        Self { matcher, kind, times: None, until: None, probability: None, seed: 0 }
    }

    /// An error of this status.
    pub fn status(matcher: Matcher, code: u16, message: &str) -> Self {
        let message = message.to_owned();
        Self::new(matcher, FaultKind::Status { code, message, headers: Vec::new() })
    }

    /// Is over after `times` strikes.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Is over at the simulated time `at`.
    pub fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }

    /// Strikes this share of the matching requests, chosen by `seed`.
    pub fn probability(mut self, share: f64, seed: u64) -> Self {
        (self.probability, self.seed) = (Some(share), seed);
        self
    }
}

/// A request as faults see it.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) target: &'a str,
    pub(crate) by_names: &'a str,
    pub(crate) route: Option<&'a Route>,
    pub(crate) token: &'a str,
    pub(crate) body: &'a str,
    /// GraphQL: the operation, and how many nodes it may touch.
    pub(crate) query: Option<(&'a str, u64)>,
}

/// The faults of a simulator, tried in the order they were added.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Live>>);

#[derive(Debug)]
struct Live {
    fault: Fault,
    met: u64,
    struck: usize,
}

impl Faults {
    /// Adds a fault behind those already there.
    pub fn add(&self, fault: Fault) {
        self.with(|all| all.push(Live { fault, met: 0, struck: 0 }));
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// How often each fault struck, in the order they were added.
    pub fn strikes(&self) -> Vec<usize> {
        self.with(|all| all.iter().map(|live| live.struck).collect())
    }

    /// The first live fault that strikes this request.
    pub(crate) fn strike(&self, subject: &Subject<'_>, now: Timestamp) -> Option<FaultKind> {
        self.with(|all| all.iter_mut().find_map(|live| live.strike(subject, now)))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Vec<Live>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Live {
    fn strike(&mut self, subject: &Subject<'_>, now: Timestamp) -> Option<FaultKind> {
        let fault = &self.fault;
        let over = fault.times.is_some_and(|times| self.struck >= times)
            || fault.until.is_some_and(|until| now >= until);
        if over || !fault.kind.concerns(subject) || !fault.matcher.meets(subject) {
            return None;
        }
        self.met += 1;
        let chosen = fault.probability.is_none_or(|share| lot(fault.seed, self.met) < share);
        chosen.then(|| {
            self.struck += 1;
            fault.kind.clone()
        })
    }
}

impl Matcher {
    fn meets(&self, subject: &Subject<'_>) -> bool {
        let route = subject.route;
        match self {
            Self::Always => true,
            Self::Path(part) => subject.target.contains(part) || subject.by_names.contains(part),
            Self::Endpoint(endpoint) => route.is_some_and(|route| route.endpoint == *endpoint),
            Self::Org(login) => {
                route.is_some_and(|route| route.owner.eq_ignore_ascii_case(login))
                    || subject.query.is_some() && names(subject.body, login)
            }
            Self::Repo(full_name) => route.is_some_and(|route| {
                format!("{}/{}", route.owner, route.repo).eq_ignore_ascii_case(full_name)
            }),
            Self::Token(fingerprint) => subject.token == fingerprint,
            Self::Operation(name) => subject.query.is_some_and(|(own, _)| own == name),
            Self::Body(part) => subject.body.contains(part),
        }
    }
}

impl FaultKind {
    /// Whether it can befall this request at all.
    fn concerns(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::TimeoutAbove { nodes, .. } | Self::ResourceLimitsAbove { nodes } => {
                subject.query.is_some_and(|(_, asked)| asked > *nodes)
            }
            Self::GraphqlError { .. } | Self::PartialData { .. } => subject.query.is_some(),
            _ => true,
        }
    }
}

/// Whether a text has `login` as a word of its own, in any case of its letters.
fn names(text: &str, login: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.into_iter().any(|word| word.eq_ignore_ascii_case(login))
}

/// A number in `0.0..1.0` that depends on nothing but its arguments.
fn lot(seed: u64, turn: u64) -> f64 {
    let hash = digest::hash64(&["lot", &seed.to_string(), &turn.to_string()]);
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

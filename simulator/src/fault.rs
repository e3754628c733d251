//! Fault injection: failures of the API on demand.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::digest;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;

/// Which requests a fault applies to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestMatcher {
    /// All requests.
    Always,
    /// Requests whose path and query contain this, as requested or with ids replaced by names.
    Path(String),
    /// Requests to one endpoint.
    Endpoint(Endpoint),
    /// Requests about one account and its repositories; in GraphQL those whose query or variables
    /// mention its login.
    Org(String),
    /// Requests about one repository, `owner/name`.
    Repo(String),
    /// Requests with one token, by its fingerprint.
    Token(String),
    /// GraphQL requests of this operation or, if it has no name, with these root fields joined by
    /// commas.
    Operation(String),
    /// Requests whose body contains this, such as a node id.
    Body(String),
}

/// The kinds of failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An error response with this status and extra headers.
    Status {
        /// HTTP status.
        code: u16,
        /// Sets the message.
        message: String,
        /// Headers to add.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// The correct response, this many milliseconds late.
    Delay {
        /// Milliseconds of real time.
        millis: u64,
    },
    /// No response, while the connection stays open.
    Hang,
    /// The connection is closed before the first byte of the response.
    CutBeforeHeaders,
    /// The connection is closed in the middle of the body.
    TruncatedBody,
    /// A body that is not JSON, with status 200.
    MalformedBody,
    /// The response of an exhausted primary limit, whose headers promise a reset a simulated minute
    /// later.
    RateLimitedPrimary,
    /// The response of an exceeded secondary limit.
    SecondaryLimit {
        /// `Retry-After` in seconds; `None` omits the header.
        retry_after: Option<u64>,
    },
    /// GraphQL: a query that may touch more nodes than this times out. It costs its points.
    TimeoutAbove {
        /// The largest number of nodes that does not time out.
        nodes: u64,
        /// The status: 502 or 504.
        code: u16,
    },
    /// GraphQL: a query that may touch more nodes than this gets the error
    /// `RESOURCE_LIMITS_EXCEEDED` and no data.
    ResourceLimitsAbove {
        /// The largest number of nodes within the limits.
        nodes: u64,
    },
    /// GraphQL: an error of this type, such as `RATE_LIMITED`, and no data, with status 200.
    GraphqlError {
        /// The error's `type`.
        name: String,
        /// Sets the message.
        message: String,
    },
    /// GraphQL: every n-th item of each `nodes` list is null, with an error for each.
    PartialData {
        /// The n: 1 for all items, 2 for every second one.
        every: usize,
    },
}

/// A fault and the conditions under which it triggers, all of which must hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ApiFault {
    /// Which requests it applies to.
    pub matcher: RequestMatcher,
    /// How they fail.
    pub kind: FaultKind,
    /// How often it triggers before it ends; `None` for no bound.
    #[serde(default)]
    pub times: Option<usize>,
    /// Simulated time at which it ends.
    #[serde(default, deserialize_with = "optional_time")]
    pub until: Option<Timestamp>,
    /// Share of the matching requests that it triggers for, between 0 and 1; `None` for all.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Seed of the choice among them.
    #[serde(default)]
    pub seed: u64,
}

impl ApiFault {
    /// A fault that triggers for every matching request.
    pub fn new(matcher: RequestMatcher, kind: FaultKind) -> Self {
        Self { matcher, kind, times: None, until: None, probability: None, seed: 0 }
    }

    /// A fault that answers with an error status.
    pub fn status(matcher: RequestMatcher, code: u16, message: &str) -> Self {
        let message = message.to_owned();
        Self::new(matcher, FaultKind::Status { code, message, headers: Vec::new() })
    }

    /// Ends it after it has triggered `times` times.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Ends it at the simulated time `at`.
    pub fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }

    /// Triggers it for this share of the matching requests, chosen by `seed`.
    pub fn probability(mut self, share: f64, seed: u64) -> Self {
        (self.probability, self.seed) = (Some(share), seed);
        self
    }
}

/// The properties of a request that faults are matched against.
#[derive(Debug)]
pub(crate) struct FaultTarget<'a> {
    pub(crate) target: &'a str,
    pub(crate) by_names: &'a str,
    pub(crate) route: Option<&'a Route>,
    pub(crate) token: &'a str,
    pub(crate) body: &'a str,
    /// GraphQL: the operation, and how many nodes it may touch.
    pub(crate) query: Option<(&'a str, u64)>,
}

/// The faults of a simulator, checked in the order in which they were added.
#[derive(Debug, Default)]
pub struct ApiFaults(Mutex<Vec<ActiveFault>>);

#[derive(Debug)]
struct ActiveFault {
    fault: ApiFault,
    matched: u64,
    triggered: usize,
}

impl ApiFaults {
    /// Adds a fault, which is checked after the earlier ones.
    pub fn add(&self, fault: ApiFault) {
        self.with(|all| all.push(ActiveFault { fault, matched: 0, triggered: 0 }));
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// How often each fault has triggered, in the order in which they were added.
    pub fn trigger_counts(&self) -> Vec<usize> {
        self.with(|all| all.iter().map(|active| active.triggered).collect())
    }

    /// The first active fault that triggers for this request.
    pub(crate) fn trigger(&self, request: &FaultTarget<'_>, now: Timestamp) -> Option<FaultKind> {
        self.with(|all| all.iter_mut().find_map(|active| active.trigger(request, now)))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Vec<ActiveFault>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ActiveFault {
    fn trigger(&mut self, request: &FaultTarget<'_>, now: Timestamp) -> Option<FaultKind> {
        let fault = &self.fault;
        let ended = fault.times.is_some_and(|times| self.triggered >= times)
            || fault.until.is_some_and(|until| now >= until);
        if ended || !fault.kind.applies_to(request) || !fault.matcher.matches(request) {
            return None;
        }
        self.matched += 1;
        let chosen = fault.probability.is_none_or(|share| random_share(fault.seed, self.matched) < share);
        chosen.then(|| {
            self.triggered += 1;
            fault.kind.clone()
        })
    }
}

impl RequestMatcher {
    fn matches(&self, request: &FaultTarget<'_>) -> bool {
        let route = request.route;
        match self {
            Self::Always => true,
            Self::Path(part) => request.target.contains(part) || request.by_names.contains(part),
            Self::Endpoint(endpoint) => route.is_some_and(|route| route.endpoint == *endpoint),
            Self::Org(login) => {
                route.is_some_and(|route| route.owner.eq_ignore_ascii_case(login))
                    || request.query.is_some() && mentions_login(request.body, login)
            }
            Self::Repo(full_name) => route.is_some_and(|route| {
                format!("{}/{}", route.owner, route.repo).eq_ignore_ascii_case(full_name)
            }),
            Self::Token(fingerprint) => request.token == fingerprint,
            Self::Operation(name) => request.query.is_some_and(|(own, _)| own == name),
            Self::Body(part) => request.body.contains(part),
        }
    }
}

impl FaultKind {
    /// Whether this kind of fault can apply to the request.
    fn applies_to(&self, request: &FaultTarget<'_>) -> bool {
        match self {
            Self::TimeoutAbove { nodes, .. } | Self::ResourceLimitsAbove { nodes } => {
                request.query.is_some_and(|(_, asked)| asked > *nodes)
            }
            Self::GraphqlError { .. } | Self::PartialData { .. } => request.query.is_some(),
            _ => true,
        }
    }
}

/// Whether a text contains `login` as a whole word, ignoring case.
fn mentions_login(text: &str, login: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.into_iter().any(|word| word.eq_ignore_ascii_case(login))
}

/// A pseudo-random number in `0.0..1.0` that depends on its arguments only.
fn random_share(seed: u64, nth: u64) -> f64 {
    let hash = digest::hash64(&["lot", &seed.to_string(), &nth.to_string()]);
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

//! Options of a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use crate::app::App;
use crate::token::Token;

/// Behaviour of the statistics endpoint; the defaults are GitHub's.
#[derive(Debug, Clone)]
pub struct StatisticsOptions {
    /// How many requests at a new head are answered with 202, while statistics are being computed.
    pub pending: usize,
    /// The number of commits from which lines are not counted any more.
    pub zero_from: usize,
    /// How far the statistics lag behind.
    pub lag: Duration,
}

impl Default for StatisticsOptions {
    fn default() -> Self {
        Self { pending: 1, zero_from: 10_000, lag: Duration::ZERO }
    }
}

/// Options of a simulator; the defaults are GitHub's.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Start time of the clock; `None` for the machine's time.
    pub start: Option<Timestamp>,
    /// Whether the clock is frozen until it is advanced.
    pub frozen: bool,
    /// The accepted tokens.
    pub tokens: Vec<Token>,
    /// The GitHub App whose installations may request tokens.
    pub app: Option<App>,
    /// Points per hour without a token.
    pub anonymous_limit: u32,
    /// Secondary limit of REST points per minute and token; `None` for no limit.
    pub points_per_minute: Option<u32>,
    /// Secondary limit of GraphQL requests per minute and token; `None` for no limit.
    pub graphql_points_per_minute: Option<u32>,
    /// Secondary limit of concurrent requests per token; `None` for no limit.
    pub max_concurrency: Option<usize>,
    /// `Retry-After` of secondary limits in seconds; `None` omits the header.
    pub secondary_retry_after: Option<u64>,
    /// How far searches lag behind.
    pub search_lag: Duration,
    /// Behaviour of the statistics endpoint.
    pub statistics: StatisticsOptions,
    /// Whether the GraphQL API is enabled; otherwise `/graphql` is 404.
    pub graphql: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            start: None,
            frozen: false,
            tokens: Vec::new(),
            app: None,
            anonymous_limit: 60,
            points_per_minute: Some(900),
            graphql_points_per_minute: Some(2_000),
            max_concurrency: Some(100),
            secondary_retry_after: Some(60),
            search_lag: Duration::ZERO,
            statistics: StatisticsOptions::default(),
            graphql: true,
        }
    }
}

impl Options {
    /// The defaults with one token that has access to everything.
    pub fn with_token(secret: &str) -> Self {
        Self { tokens: vec![Token::new(secret)], ..Self::default() }
    }

    /// Starts the clock at `at`.
    pub fn starting_at(mut self, at: Timestamp) -> Self {
        self.start = Some(at);
        self
    }

    /// Freezes the clock until it is advanced.
    pub fn frozen(mut self) -> Self {
        self.frozen = true;
        self
    }

    /// Disables secondary limits.
    pub fn without_secondary_limits(mut self) -> Self {
        (self.points_per_minute, self.graphql_points_per_minute, self.max_concurrency) = (None, None, None);
        self
    }

    /// Lets installations of this app request tokens.
    pub fn with_app(mut self, app: App) -> Self {
        self.app = Some(app);
        self
    }

    /// Delays changes in searches by this much.
    pub fn search_lag(mut self, lag: Duration) -> Self {
        self.search_lag = lag;
        self
    }
}

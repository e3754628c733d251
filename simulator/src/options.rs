//! How a simulator is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use crate::app::App;
use crate::token::Token;

/// How statistics are told; the defaults are GitHub's.
#[derive(Debug, Clone)]
pub struct StatisticsOptions {
    /// How often they are still being computed (202) when asked for at a new head.
    pub pending: usize,
    /// From this many commits on no lines are counted.
    pub zero_from: usize,
    /// How old the world is that they tell of.
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
    /// What the clock shows at start; `None`: the machine's time.
    pub start: Option<Timestamp>,
    /// Whether the clock stands still until advanced.
    pub frozen: bool,
    /// Tokens that are accepted.
    pub tokens: Vec<Token>,
    /// The GitHub App whose installations may ask for tokens.
    pub app: Option<App>,
    /// Points an hour without a token.
    pub anonymous_limit: u32,
    /// REST points a minute and token before the secondary limit; `None`: no such limit.
    pub points_per_minute: Option<u32>,
    /// GraphQL requests a minute and token before the secondary limit; `None`: no such limit.
    pub graphql_points_per_minute: Option<u32>,
    /// Requests at a time and token before the secondary limit; `None`: no such limit.
    pub max_concurrency: Option<usize>,
    /// `Retry-After` of secondary limits in seconds; `None`: the header is missing.
    pub secondary_retry_after: Option<u64>,
    /// How old the world is that searches see.
    pub search_lag: Duration,
    /// How statistics are told.
    pub statistics: StatisticsOptions,
    /// Whether there is a GraphQL API; without it `/graphql` is 404.
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
    /// The defaults with one token that sees everything.
    pub fn with_token(secret: &str) -> Self {
        Self { tokens: vec![Token::new(secret)], ..Self::default() }
    }

    /// Starts the clock at `at`.
    pub fn starting_at(mut self, at: Timestamp) -> Self {
        self.start = Some(at);
        self
    }

    /// The clock stands still until advanced.
    pub fn frozen(mut self) -> Self {
        self.frozen = true;
        self
    }

    /// No secondary limits.
    pub fn without_secondary_limits(mut self) -> Self {
        (self.points_per_minute, self.graphql_points_per_minute, self.max_concurrency) = (None, None, None);
        self
    }

    /// Installations of this app may ask for tokens.
    pub fn with_app(mut self, app: App) -> Self {
        self.app = Some(app);
        self
    }

    /// What changes shows in searches only this much later.
    pub fn search_lag(mut self, lag: Duration) -> Self {
        self.search_lag = lag;
        self
    }
}

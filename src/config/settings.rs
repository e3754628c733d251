//! The whole configuration.

use super::checks::Checks;
use super::section::section;
use super::value::ConfigValue;
use super::{
    AmqpConfig, BackfillConfig, ConfigError, GithubConfig, HealthConfig, IdentityConfig,
    LeaderElectionConfig, LocConfig, MetricsConfig, RateLimitConfig, RetryConfig, ServerConfig, StoreConfig,
    TelemetryConfig,
};

section! {
    /// The whole configuration. `Config::default()` applies where nothing is set.
    pub struct Config {
        /// The HTTP server and the process around it.
        server: ServerConfig = ServerConfig::default(),
        /// The content of `/metrics` and the period it covers.
        metrics: MetricsConfig = MetricsConfig::default(),
        /// Which replica schedules scrapes and collects garbage.
        leader_election: LeaderElectionConfig = LeaderElectionConfig::default(),
        /// GitHub and the organisations to collect.
        github: GithubConfig = GithubConfig::default(),
        /// How people appear in the label `user`.
        identity: IdentityConfig = IdentityConfig::default(),
        /// How GitHub's rate limits are respected.
        rate_limit: RateLimitConfig = RateLimitConfig::default(),
        /// How requests to GitHub are retried.
        retry: RetryConfig = RetryConfig::default(),
        /// Where added and deleted lines of code come from.
        loc: LocConfig = LocConfig::default(),
        /// How windows that were not scraped in time are filled in later.
        backfill: BackfillConfig = BackfillConfig::default(),
        /// The message broker that carries backfill jobs between replicas.
        amqp: AmqpConfig = AmqpConfig::default(),
        /// Where facts and coverage are kept.
        store: StoreConfig = StoreConfig::default(),
        /// How GitHub's health is assessed.
        health: HealthConfig = HealthConfig::default(),
        /// Traces and metrics over OpenTelemetry.
        telemetry: TelemetryConfig = TelemetryConfig::default(),
    }
}

impl Config {
    pub(super) fn check(&self, checks: &mut Checks<'_>) -> Result<(), ConfigError> {
        self.server.check(checks)?;
        self.github.check(checks)?;
        self.store.check(checks)?;
        self.metrics.check(checks, &self.store)?;
        self.leader_election.check(checks, &self.store)?;
        self.identity.check(checks)?;
        self.rate_limit.check(checks, &self.github)?;
        self.retry.check(checks)?;
        self.loc.check(checks)?;
        self.backfill.check(checks, &self.store)?;
        self.amqp.check(checks)?;
        self.health.check(checks)?;
        self.telemetry.check(checks)
    }
}

/// Serialises in the form that [`load`](super::load) reads, with secrets redacted.
impl serde::Serialize for Config {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.encode().serialize(serializer)
    }
}

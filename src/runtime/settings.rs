//! From the configuration to the settings of the actors.

use std::time::Duration;

use github_stats_actors::activity::ActivitySettings;
use github_stats_actors::loc::LocSettings;
use github_stats_actors::queue::DispatchSettings;
use github_stats_actors::scheduler::{CooldownSettings, HistorySettings};

use crate::config::Config;

/// How long series are exposed.
pub(super) fn activity(config: &Config) -> ActivitySettings {
    ActivitySettings {
        active_window: seconds(config.metrics.active_window),
        retention: seconds(config.store.retention),
    }
}

/// How far back activity is collected.
pub(super) fn history(config: &Config) -> HistorySettings {
    HistorySettings { retention: seconds(config.store.retention), history: seconds(config.metrics.history) }
}

/// When an organisation enters its cooldown, and when it has recovered.
pub(super) fn cooldown(config: &Config) -> CooldownSettings {
    CooldownSettings {
        failure_threshold: config.github.unhealthy_failure_threshold,
        cooldown: seconds(config.github.unhealthy_cooldown),
        recover_threshold: config.health.github_recover_success_threshold,
    }
}

/// How lines of code are collected.
pub fn loc_settings(config: &Config) -> LocSettings {
    let loc = &config.loc;
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    LocSettings {
        refresh_interval: seconds(loc.refresh_interval),
        fallback_enabled: loc.fallback_enabled,
        commits_per_week: count(loc.fallback_max_commits_per_repo_per_week),
        commits_per_hour: count(loc.fallback_max_commit_detail_calls_per_org_per_hour),
        zero_weeks: count(loc.large_repo_zero_detection_windows),
        large_cooldown: seconds(loc.large_repo_cooldown),
    }
}

/// How backfill jobs are dispatched.
pub(super) fn dispatch(config: &Config) -> DispatchSettings {
    let backfill = &config.backfill;
    DispatchSettings {
        coalesce_window: backfill.coalesce_window,
        dedup_ttl: backfill.dedup_ttl,
        max_enqueues_per_org_per_minute: backfill.max_enqueues_per_org_per_minute,
        requeue_delays: backfill.requeue_delays.clone(),
        max_message_age: backfill.max_message_age,
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 8)
}

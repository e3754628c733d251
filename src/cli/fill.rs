//! A store full of synthetic series, to size Prometheus or to measure a scrape.

use std::sync::Arc;
use std::time::Duration;

use github_stats_actors::activity::{
    Batch, Fact, FactId, LocChange, Record, RepoId, RepoKey, RepoMeta, RepoName, Timestamp,
};
use github_stats_actors::clock::Clock;
use github_stats_actors::store::{FactStore, MemoryStore, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::exposition::ACTIVITY_FAMILIES;

/// Series of one user in one repository: eight gauges and five counters.
const SERIES_PER_PAIR: usize = 13;
/// Users of one synthetic repository.
const USERS_PER_REPOSITORY: usize = 100;

/// How often new facts are written.
const CHURN_PERIOD: Duration = Duration::from_millis(100);
/// Distance between the users of two successive facts: a prime, so that facts are spread over the
/// whole store.
const STRIDE: usize = 7919;

/// A store with about `series` activity series, all of them active at `now`.
pub async fn filled(series: usize, now: Timestamp) -> Result<Arc<dyn FactStore>, StoreError> {
    let store = MemoryStore::new();
    let pairs = series.div_ceil(ACTIVITY_FAMILIES);
    for (number, first) in (0..pairs).step_by(USERS_PER_REPOSITORY).enumerate() {
        let users = first..pairs.min(first + USERS_PER_REPOSITORY);
        store.write(repository(number, users, now)).await?;
    }
    Ok(Arc::new(store))
}

/// Writes `per_second` facts per second, each by a different user than the one before. Never
/// returns.
pub async fn churn(store: Arc<dyn FactStore>, series: usize, per_second: usize, clock: Arc<Clock>) {
    let pairs = series.div_ceil(SERIES_PER_PAIR);
    let mut ticks = interval(CHURN_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut written, mut owed) = (0, 0.0);
    loop {
        ticks.tick().await;
        owed += per_second as f64 * CHURN_PERIOD.as_secs_f64();
        while owed >= 1.0 {
            owed -= 1.0;
            written += 1;
            let now = clock.now();
            let user = written * STRIDE % pairs;
            let mut batch = described(user / USERS_PER_REPOSITORY, now);
            batch.records = vec![review(pairs + written, user, now, now)];
            if let Err(error) = store.write(batch).await {
                tracing::warn!(%error, "a synthetic fact was not stored");
            }
        }
    }
}

fn repository(number: usize, users: std::ops::Range<usize>, now: Timestamp) -> Batch {
    let mut batch = described(number, now);
    batch.records = users.map(|user| review(user, user, now - (user as i64 * 37) % 80_000, now)).collect();
    batch
}

fn described(number: usize, now: Timestamp) -> Batch {
    let key = RepoKey { org: "filled".into(), id: RepoId::from(format!("R_{number}")) };
    let name = RepoName::from(format!("repository-{number}"));
    Batch::new(key, RepoMeta { seen_at: now, name, first_seen: now })
}

fn review(id: usize, user: usize, at: Timestamp, now: Timestamp) -> (FactId, Record) {
    let id = FactId::Review(id as u64);
    let fact = Fact { id, user: format!("user-{user}").into(), at, loc: LocChange::default() };
    (id, Record::observed(&fact, now))
}

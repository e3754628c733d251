//! A store full of made-up series, to size a Prometheus or to measure a scrape.

use std::sync::Arc;

use github_stats_actors::activity::{
    Batch, Fact, FactId, Lines, Record, RepoId, RepoKey, RepoMeta, RepoName, Timestamp,
};
use github_stats_actors::store::{FactStore, MemoryStore, StoreError};

/// Series of one user in one repository: eight gauges and five counters.
const SERIES_PER_PAIR: usize = 13;
/// Users of one made-up repository.
const USERS_PER_REPOSITORY: usize = 100;

/// A store with about `series` activity series, all of them active at `now`.
pub async fn filled(series: usize, now: Timestamp) -> Result<Arc<dyn FactStore>, StoreError> {
    let store = MemoryStore::new();
    let pairs = series.div_ceil(SERIES_PER_PAIR);
    for (number, first) in (0..pairs).step_by(USERS_PER_REPOSITORY).enumerate() {
        let users = first..pairs.min(first + USERS_PER_REPOSITORY);
        store.write(repository(number, users, now)).await?;
    }
    Ok(Arc::new(store))
}

fn repository(number: usize, users: std::ops::Range<usize>, now: Timestamp) -> Batch {
    let record = |user: usize| {
        let fact = Fact {
            id: FactId::Review(user as u64),
            user: format!("user-{user}").into(),
            at: now - (user as i64 * 37) % 80_000,
            lines: Lines::default(),
        };
        (fact.id, Record::observed(&fact, now))
    };
    let key = RepoKey { org: "filled".into(), id: RepoId::from(format!("R_{number}")) };
    let name = RepoName::from(format!("repository-{number}"));
    let mut batch = Batch::new(key, RepoMeta { seen_at: now, name, first_seen: now });
    batch.records = users.map(record).collect();
    batch
}

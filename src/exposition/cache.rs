//! Encodes each snapshot at most once for each format and coding, however many scrape it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use github_stats_actors::store::{Published, PublishedView};
use tokio::sync::Mutex;

use super::{Coding, Encoded, Format, SeriesCounts, activity};

/// Why the activity families could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The compressor failed.
    #[error("the activity metrics could not be compressed: {0}")]
    Compress(#[from] io::Error),
    /// The encoder panicked, or the runtime is going down.
    #[error("the activity metrics were not encoded: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// The activity families of the latest snapshot, encoded. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct ActivityCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    view: PublishedView,
    slots: [ArcSwapOption<Entry<Encoded>>; 4],
    counts: ArcSwapOption<Entry<SeriesCounts>>,
    /// One snapshot is encoded at a time; whoever waits finds the latest one done.
    turn: Arc<Mutex<()>>,
    encodings: AtomicU64,
}

/// Something made of the snapshot of this generation.
#[derive(Debug)]
struct Entry<T> {
    generation: u64,
    made: Arc<T>,
}

impl ActivityCache {
    /// A cache over what is published there.
    pub fn new(view: PublishedView) -> Self {
        ActivityCache(Arc::new(Shared {
            view,
            slots: Default::default(),
            counts: ArcSwapOption::empty(),
            turn: Arc::default(),
            encodings: AtomicU64::new(0),
        }))
    }

    /// The latest snapshot's families; empty before there is a snapshot. Encoding, where it is needed, happens on a
    /// thread for blocking work and goes on even if nobody waits for it any more.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub async fn encoded(&self, format: Format, coding: Coding) -> Result<Arc<Encoded>, EncodeError> {
        if let Some(done) = self.0.latest(format, coding) {
            return Ok(done);
        }
        let turn = self.0.turn.clone().lock_owned().await;
        if let Some(done) = self.0.latest(format, coding) {
            return Ok(done);
        }
        let shared = self.0.clone();
        let work = tokio::task::spawn_blocking(move || {
            let encoded = shared.encode(format, coding);
            drop(turn);
            encoded
        });
        Ok(work.await??)
    }

    /// How many series the latest snapshot has, by family; zeros before there is a snapshot.
    pub fn counts(&self) -> SeriesCounts {
        let Some(published) = self.0.view.latest() else { return SeriesCounts::default() };
        if let Some(counts) = entry(&self.0.counts, published.generation) {
            return *counts;
        }
        let counts = SeriesCounts::of(&published.series);
        let entry = Entry { generation: published.generation, made: Arc::new(counts) };
        self.0.counts.store(Some(Arc::new(entry)));
        counts
    }

    /// How often a snapshot was encoded since the start.
    pub fn encodings(&self) -> u64 {
        self.0.encodings.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// What is encoded of the latest snapshot already.
    fn latest(&self, format: Format, coding: Coding) -> Option<Arc<Encoded>> {
        match self.view.latest() {
            Some(published) => entry(&self.slots[slot(format, coding)], published.generation),
            None => Some(Arc::default()),
        }
    }

    fn encode(&self, format: Format, coding: Coding) -> io::Result<Arc<Encoded>> {
        let Some(published) = self.view.latest() else { return Ok(Arc::default()) };
        let made = Arc::new(activity::encode(&published.series, format, coding)?);
        self.encodings.fetch_add(1, Ordering::Relaxed);
        self.keep(&published, slot(format, coding), made.clone());
        Ok(made)
    }

    /// Keeps the newest, and drops what others made of older snapshots: it would never be served again.
    fn keep(&self, published: &Published, slot: usize, made: Arc<Encoded>) {
        let generation = published.generation;
        for other in &self.slots {
            if other.load().as_ref().is_some_and(|entry| entry.generation < generation) {
                other.store(None);
            }
        }
        self.slots[slot].store(Some(Arc::new(Entry { generation, made })));
    }
}

fn slot(format: Format, coding: Coding) -> usize {
    2 * (format as usize) + coding as usize
}

fn entry<T>(slot: &ArcSwapOption<Entry<T>>, generation: u64) -> Option<Arc<T>> {
    slot.load().as_ref().filter(|entry| entry.generation == generation).map(|entry| entry.made.clone())
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::exposition::testing::{row, snapshot};

    fn users(count: usize) -> github_stats_actors::activity::SeriesSnapshot {
        snapshot((0..count).map(|n| row("acme", "api", &format!("user-{n}"))).collect())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_scrapes_of_a_snapshot_encode_it_once() {
        let view = PublishedView::default();
        let cache = ActivityCache::new(view.clone());
        view.publish(users(500));
        let scrapes = (0..50).map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.encoded(Format::Text, Coding::Gzip).await.unwrap() })
        });
        let pages = join_all(scrapes).await;
        let first = pages[0].as_ref().unwrap();
        assert!(pages.iter().all(|page| Arc::ptr_eq(page.as_ref().unwrap(), first)));
        assert_eq!(cache.encodings(), 1);
    }

    #[tokio::test]
    async fn a_new_snapshot_shows_at_once_and_frees_the_old_one() {
        let view = PublishedView::default();
        let cache = ActivityCache::new(view.clone());
        assert_eq!(cache.encoded(Format::Text, Coding::Identity).await.unwrap().length(), 0);
        assert_eq!(cache.counts().total(), 0);
        view.publish(users(1));
        let plain = Arc::downgrade(&cache.encoded(Format::Text, Coding::Identity).await.unwrap());
        let open = cache.encoded(Format::OpenMetrics, Coding::Identity).await.unwrap();
        assert!(plain.upgrade().is_some() && cache.counts().total() == 13);
        view.publish(users(2));
        let newer = cache.encoded(Format::OpenMetrics, Coding::Identity).await.unwrap();
        assert!(newer.length() > open.length() && cache.counts().total() == 26);
        assert!(plain.upgrade().is_none(), "nobody will ask for the old snapshot again");
    }

    #[tokio::test]
    async fn a_scraper_that_goes_away_leaves_its_work_behind() {
        let view = PublishedView::default();
        let cache = ActivityCache::new(view.clone());
        view.publish(users(200));
        let impatient = cache.clone();
        let scrape = tokio::spawn(async move { impatient.encoded(Format::Text, Coding::Identity).await });
        while cache.0.turn.try_lock().is_ok() && cache.encodings() == 0 {
            tokio::task::yield_now().await;
        }
        scrape.abort();
        cache.encoded(Format::Text, Coding::Identity).await.unwrap();
        assert_eq!(cache.encodings(), 1);
    }
}

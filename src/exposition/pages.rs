//! The latest edition.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::{ContentCoding, Edition, Encoded, ExpositionFormat, SeriesCounts};

/// How long after a scrape its form is made in advance for the next ones; longer than the usual
/// scrape interval.
const WARM: Duration = Duration::from_secs(600);

/// The activity families as last published, in each form: a combination of format and coding. Cheap
/// to clone; clones share everything. Reading never waits for the actor that publishes.
#[derive(Clone, Debug, Default)]
pub struct ActivityPages(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    latest: ArcSwapOption<Edition>,
    created: Instant,
    /// For each form: when it was last requested, in seconds since `created` plus one; 0 for never.
    requested: [[AtomicU64; ContentCoding::ALL.len()]; ExpositionFormat::ALL.len()],
    /// Held while a form is made: one at a time, and those who waited find it made.
    making: Arc<Mutex<()>>,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            latest: ArcSwapOption::empty(),
            created: Instant::now(),
            requested: Default::default(),
            making: Arc::default(),
        }
    }
}

impl ActivityPages {
    /// The latest edition; `None` before there is one.
    pub fn latest(&self) -> Option<Arc<Edition>> {
        self.0.latest.load_full()
    }

    /// Replaces the edition.
    pub fn publish(&self, edition: Edition) {
        self.0.latest.store(Some(Arc::new(edition)));
    }

    /// How many series there are, by family; zeros before there is an edition.
    pub fn counts(&self) -> SeriesCounts {
        self.0.latest.load().as_ref().map(|edition| edition.counts()).unwrap_or_default()
    }

    /// The latest edition in one form; empty before there is one. The first scrape of a form in a
    /// while makes it, on a thread for blocking work; from then on it is made in advance.
    ///
    /// # Errors
    /// [`JoinError`] if making it panicked or the runtime is shutting down.
    pub async fn encoded(
        &self,
        format: ExpositionFormat,
        coding: ContentCoding,
    ) -> Result<Arc<Encoded>, JoinError> {
        let now = self.0.created.elapsed().as_secs() + 1;
        self.0.requested[format as usize][coding as usize].store(now, Ordering::Relaxed);
        if let Some(made) = self.0.made(format, coding) {
            return Ok(made);
        }
        let making = self.0.making.clone().lock_owned().await;
        if let Some(made) = self.0.made(format, coding) {
            return Ok(made);
        }
        let Some(edition) = self.latest() else { return Ok(Arc::default()) };
        // It continues even if the scraper has disconnected: the next one will need it.
        let work = tokio::task::spawn_blocking(move || {
            let made = edition.make(format, coding);
            drop(making);
            made
        });
        work.await
    }

    /// The forms that recent scrapes have requested.
    pub(super) fn warm(&self) -> Vec<(ExpositionFormat, ContentCoding)> {
        let now = self.0.created.elapsed().as_secs() + 1;
        let is_warm = |(format, coding): &(ExpositionFormat, ContentCoding)| {
            let requested = self.0.requested[*format as usize][*coding as usize].load(Ordering::Relaxed);
            requested > 0 && now - requested <= WARM.as_secs()
        };
        let forms = ExpositionFormat::ALL
            .into_iter()
            .flat_map(|format| ContentCoding::ALL.map(|coding| (format, coding)));
        forms.filter(is_warm).collect()
    }
}

impl Inner {
    fn made(&self, format: ExpositionFormat, coding: ContentCoding) -> Option<Arc<Encoded>> {
        match self.latest.load().as_ref() {
            Some(edition) => edition.made(format, coding),
            None => Some(Arc::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::exposition::Encoder;
    use crate::exposition::testing::{row, snapshot};

    fn users(count: usize) -> Edition {
        let rows = (0..count).map(|n| row("acme", "api", &format!("user-{n}"))).collect();
        Encoder::default().encode(count as u64, &snapshot(rows))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_scrapes_of_a_new_form_make_it_once() {
        let pages = ActivityPages::default();
        pages.publish(users(500));
        let scrapes = (0..50).map(|_| {
            let pages = pages.clone();
            tokio::spawn(
                async move { pages.encoded(ExpositionFormat::Text, ContentCoding::Gzip).await.unwrap() },
            )
        });
        let made = join_all(scrapes).await;
        let first = made[0].as_ref().unwrap();
        assert!(made.iter().all(|page| Arc::ptr_eq(page.as_ref().unwrap(), first)));
    }

    #[tokio::test]
    async fn a_new_edition_is_served_at_once_and_frees_the_old_one() {
        let pages = ActivityPages::default();
        assert_eq!(pages.encoded(ExpositionFormat::Text, ContentCoding::Identity).await.unwrap().length(), 0);
        assert_eq!(pages.counts().total(), 0);
        pages.publish(users(1));
        let old =
            Arc::downgrade(&pages.encoded(ExpositionFormat::Text, ContentCoding::Identity).await.unwrap());
        assert!(old.upgrade().is_some() && pages.counts().total() == 13);
        pages.publish(users(2));
        assert!(old.upgrade().is_none(), "the old edition is not needed again");
        assert_eq!(pages.counts().total(), 26);
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_is_made_in_advance_while_scrapes_request_it() {
        let pages = ActivityPages::default();
        assert_eq!(pages.warm(), []);
        pages.encoded(ExpositionFormat::OpenMetrics, ContentCoding::Gzip).await.unwrap();
        tokio::time::advance(WARM).await;
        assert_eq!(pages.warm(), [(ExpositionFormat::OpenMetrics, ContentCoding::Gzip)]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pages.warm(), []);
    }
}

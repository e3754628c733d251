//! How much is requested at once: less after a failure, gradually more again.

use std::sync::atomic::{AtomicU32, Ordering};

/// Successes after which the size is doubled again.
const SUCCESSES_TO_GROW: u32 = 8;
/// The size is not halved more often than this.
const MAX_HALVINGS: u32 = 6;

/// The size of one kind of query. The real limit is GitHub's execution time: a query that is too
/// heavy is halved and retried.
#[derive(Debug)]
pub struct BatchSize {
    items: usize,
    page: usize,
    halvings: AtomicU32,
    successes: AtomicU32,
}

impl BatchSize {
    /// Full size: `items` at once, each with a list of `page` entries.
    pub const fn new(items: usize, page: usize) -> Self {
        BatchSize { items, page, halvings: AtomicU32::new(0), successes: AtomicU32::new(0) }
    }

    /// Items to request at once.
    pub fn items(&self) -> usize {
        (self.items >> self.halvings.load(Ordering::Relaxed)).max(1)
    }

    /// Entries to request of each item's list.
    pub fn page(&self) -> usize {
        (self.page >> self.halvings.load(Ordering::Relaxed)).max(2)
    }

    /// Whether a smaller size is possible.
    pub fn can_shrink(&self) -> bool {
        self.halvings.load(Ordering::Relaxed) < MAX_HALVINGS
    }

    /// Halves the size after a query that was too heavy; returns whether that was possible.
    pub fn shrink(&self) -> bool {
        self.successes.store(0, Ordering::Relaxed);
        let smaller = |halvings| (halvings < MAX_HALVINGS).then_some(halvings + 1);
        self.halvings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, smaller).is_ok()
    }

    /// Records a query that was not too heavy.
    pub fn record_success(&self) {
        if self.successes.fetch_add(1, Ordering::Relaxed) + 1 >= SUCCESSES_TO_GROW {
            self.successes.store(0, Ordering::Relaxed);
            let larger = |halvings: u32| halvings.checked_sub(1);
            // An error means that the size is not reduced.
            let _ = self.halvings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, larger);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_halved_on_failure_and_grows_back() {
        let size = BatchSize::new(20, 6);
        assert!(size.shrink() && size.shrink());
        assert_eq!((size.items(), size.page()), (5, 2));
        for _ in 0..SUCCESSES_TO_GROW {
            size.record_success();
        }
        assert_eq!(size.items(), 10);
        while size.shrink() {}
        assert_eq!((size.items(), size.page()), (1, 2));
    }
}

//! How much is asked for at once: less after a failure, slowly more again.

use std::sync::atomic::{AtomicU32, Ordering};

/// Successes after which twice as much is tried again.
const PATIENCE: u32 = 8;
/// Halvings beyond which nothing gets smaller.
const DEEPEST: u32 = 6;

/// The size of one kind of query. GitHub's time is the real limit: what is too heavy is halved and tried again.
#[derive(Debug)]
pub struct BatchSize {
    things: usize,
    page: usize,
    halvings: AtomicU32,
    successes: AtomicU32,
}

impl BatchSize {
    /// So many things at once, each with a page so long.
    pub const fn new(things: usize, page: usize) -> Self {
        BatchSize { things, page, halvings: AtomicU32::new(0), successes: AtomicU32::new(0) }
    }

    /// How many things to ask for at once.
    pub fn things(&self) -> usize {
        (self.things >> self.halvings.load(Ordering::Relaxed)).max(1)
    }

    /// How many items to ask of each.
    pub fn page(&self) -> usize {
        (self.page >> self.halvings.load(Ordering::Relaxed)).max(2)
    }

    /// Whether less is left to try.
    pub fn can_shrink(&self) -> bool {
        self.halvings.load(Ordering::Relaxed) < DEEPEST
    }

    /// It was too much; whether less is left to try.
    pub fn shrink(&self) -> bool {
        self.successes.store(0, Ordering::Relaxed);
        let smaller = |halvings| (halvings < DEEPEST).then_some(halvings + 1);
        self.halvings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, smaller).is_ok()
    }

    /// It was not too much.
    pub fn succeeded(&self) {
        if self.successes.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE {
            self.successes.store(0, Ordering::Relaxed);
            let larger = |halvings: u32| halvings.checked_sub(1);
            // At full size already.
            let _ = self.halvings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, larger);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_on_failure_and_grows_back() {
        let load = BatchSize::new(20, 6);
        assert!(load.shrink() && load.shrink());
        assert_eq!((load.things(), load.page()), (5, 2));
        for _ in 0..PATIENCE {
            load.succeeded();
        }
        assert_eq!(load.things(), 10);
        while load.shrink() {}
        assert_eq!((load.things(), load.page()), (1, 2));
    }
}

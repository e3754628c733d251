//! The scripted actors that are alive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the scripted actors that are alive, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveActors {
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
    had_duplicates: Arc<AtomicBool>,
}

// === impl LiveActors ===

impl LiveActors {
    pub(super) fn add(&self, id: &str) {
        let mut counts = self.lock();
        let count = counts.entry(id.to_owned()).or_default();
        *count += 1;
        self.had_duplicates.fetch_or(*count > 1, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, id: &str) {
        if let Some(count) = self.lock().get_mut(id) {
            *count -= 1;
        }
    }

    /// Whether two incarnations of one actor were ever alive at the same time.
    pub(super) fn had_duplicates(&self) -> bool {
        self.had_duplicates.load(Ordering::Relaxed)
    }

    pub(super) fn names(&self) -> Vec<String> {
        let counts = self.lock();
        counts.iter().flat_map(|(id, &count)| std::iter::repeat_n(id.clone(), count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

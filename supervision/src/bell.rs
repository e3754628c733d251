//! Polls rare things rarely.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// A waker of its own for sources that seldom have news, polled by a future that is woken often: the sources are
/// worth a poll only after the bell has rung.
pub(crate) struct Bell {
    rope: Arc<Rope>,
    waker: Waker,
    task: Option<Waker>,
}

struct Rope {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

// === impl Bell ===

impl Bell {
    /// A bell that has rung, so that its sources are polled a first time.
    pub(crate) fn new() -> Self {
        let rope = Arc::new(Rope { rung: AtomicBool::new(true), task: Mutex::new(None) });
        Self { waker: rope.clone().into(), rope, task: None }
    }

    /// The waker to poll the sources with, if it has rung since it was last answered.
    pub(crate) fn answer(&mut self, task: &Context<'_>) -> Option<Waker> {
        if !self.task.as_ref().is_some_and(|known| known.will_wake(task.waker())) {
            self.task = Some(task.waker().clone());
            *self.rope.task.lock().unwrap_or_else(PoisonError::into_inner) = self.task.clone();
        }
        // Cleared before the sources are polled: whatever rings from now on is heard next time.
        self.rope.rung.swap(false, Ordering::AcqRel).then(|| self.waker.clone())
    }

    /// Makes the next [`answer`](Self::answer) worth it, whether or not anything rings.
    pub(crate) fn ring(&self) {
        self.rope.rung.store(true, Ordering::Release);
    }
}

// === impl Rope ===

impl Wake for Rope {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }
}

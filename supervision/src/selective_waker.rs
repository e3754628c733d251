//! Polling rarely active sources only when they have woken the task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// A separate waker for sources that are seldom ready, used by a future that is polled often for
/// other reasons: the sources have to be polled only after they have called this waker.
pub(crate) struct SelectiveWaker {
    flag: Arc<WakeFlag>,
    waker: Waker,
    task: Option<Waker>,
}

struct WakeFlag {
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

// === impl SelectiveWaker ===

impl SelectiveWaker {
    /// A waker that counts as woken, so that the sources are polled a first time.
    pub(crate) fn new() -> Self {
        let flag = Arc::new(WakeFlag { woken: AtomicBool::new(true), task: Mutex::new(None) });
        Self { waker: flag.clone().into(), flag, task: None }
    }

    /// The waker to poll the sources with, if they have woken it since the last call.
    pub(crate) fn take_woken(&mut self, task: &Context<'_>) -> Option<Waker> {
        if !self.task.as_ref().is_some_and(|known| known.will_wake(task.waker())) {
            self.task = Some(task.waker().clone());
            *self.flag.task.lock().unwrap_or_else(PoisonError::into_inner) = self.task.clone();
        }
        // Cleared before the sources are polled, so that a wake-up during the poll is seen by the
        // next call.
        self.flag.woken.swap(false, Ordering::AcqRel).then(|| self.waker.clone())
    }

    /// Makes the next [`take_woken`](Self::take_woken) return the waker in any case.
    pub(crate) fn mark_woken(&self) {
        self.flag.woken.store(true, Ordering::Release);
    }
}

// === impl WakeFlag ===

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }
}

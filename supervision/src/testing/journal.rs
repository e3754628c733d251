//! What happened, in order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lines that scripted actors write and tests read; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    lines: Arc<Mutex<Vec<String>>>,
}

// === impl Journal ===

impl Journal {
    /// Adds a line.
    pub fn write(&self, line: impl Into<String>) {
        self.lock().push(line.into());
    }

    /// Everything written since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A record of what happened, in order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A list of lines that scripted actors write and tests read; cheap to clone.
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

    /// Removes and returns all lines.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The number of facts of each kind.

use serde::{Deserialize, Serialize};

use super::FactKind;

/// A count for each kind of fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactCounts([u64; 5]);

impl FactCounts {
    /// The count of one kind.
    pub fn get(self, kind: FactKind) -> u64 {
        self.0[kind as usize]
    }

    /// Adds one to `kind`.
    pub fn increment(&mut self, kind: FactKind) {
        self.0[kind as usize] += 1;
    }

    /// Subtracts one from `kind`, down to zero.
    pub fn decrement(&mut self, kind: FactKind) {
        self.0[kind as usize] = self.0[kind as usize].saturating_sub(1);
    }

    /// Adds every count of `other`.
    pub fn add(&mut self, other: FactCounts) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    /// Takes the greater of each count, which is how the bases of two stores merge.
    pub fn merge_max(&mut self, other: FactCounts) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = (*own).max(other);
        }
    }

    /// Whether every count is zero.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 5]
    }
}

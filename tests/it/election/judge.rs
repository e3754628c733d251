//! Who led when, as `/healthz` tells it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Everything that was seen of every leadership, by its epoch.
#[derive(Default)]
pub struct Judge(Mutex<BTreeMap<u64, Reign>>);

/// A leadership from the inside: it began before the first answer that told of it had come, and ended after the last one
/// had been asked for.
#[derive(Clone, Debug)]
struct Reign {
    leader: &'static str,
    began: Instant,
    ended: Instant,
}

impl Judge {
    /// An answer said that this replica leads.
    pub fn saw(&self, leader: &'static str, epoch: u64, asked: Instant, answered: Instant) {
        let mut reigns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reign = reigns.entry(epoch).or_insert(Reign { leader, began: answered, ended: asked });
        assert_eq!(reign.leader, leader, "two replicas lead under epoch {epoch}");
        reign.ended = reign.ended.max(asked);
    }

    /// No two led at one time, and epochs rose with time.
    pub fn give_verdict(&self) {
        let reigns = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut by_epoch: Vec<(u64, Reign)> = reigns.into_iter().collect();
        assert!(by_epoch.len() > 1, "there was one leadership only");
        for (index, (epoch, earlier)) in by_epoch.iter().enumerate() {
            for (next, later) in &by_epoch[index + 1..] {
                let split = later.began < earlier.ended;
                assert!(!split, "epoch {next} began before epoch {epoch} had ended: {earlier:?}, {later:?}");
            }
        }
        by_epoch.dedup_by_key(|(_, reign)| reign.leader);
        eprintln!("{} changes of leader", by_epoch.len() - 1);
    }
}

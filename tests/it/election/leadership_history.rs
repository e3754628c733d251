//! Which replica led when, as observed from outside.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// All observed leaderships, by epoch.
#[derive(Default)]
pub struct LeadershipHistory(Mutex<BTreeMap<u64, Leadership>>);

/// A lower bound of a leadership: it began before the first response that showed it arrived, and
/// ended after the last one was requested.
#[derive(Clone, Debug)]
struct Leadership {
    leader: &'static str,
    began: Instant,
    ended: Instant,
}

impl LeadershipHistory {
    /// Records a response which says that this replica leads.
    pub fn record(&self, leader: &'static str, epoch: u64, asked: Instant, answered: Instant) {
        let mut leaderships = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let leadership =
            leaderships.entry(epoch).or_insert(Leadership { leader, began: answered, ended: asked });
        assert_eq!(leadership.leader, leader, "two replicas lead under epoch {epoch}");
        leadership.ended = leadership.ended.max(asked);
    }

    /// Checks that no two replicas led at the same time, and that epochs rose with time.
    pub fn assert_one_leader_at_a_time(&self) {
        let leaderships = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut by_epoch: Vec<(u64, Leadership)> = leaderships.into_iter().collect();
        assert!(by_epoch.len() > 1, "there was one leadership only");
        for (index, (epoch, earlier)) in by_epoch.iter().enumerate() {
            for (next, later) in &by_epoch[index + 1..] {
                let split = later.began < earlier.ended;
                assert!(!split, "epoch {next} began before epoch {epoch} had ended: {earlier:?}, {later:?}");
            }
        }
        by_epoch.dedup_by_key(|(_, leadership)| leadership.leader);
        eprintln!("{} changes of leader", by_epoch.len() - 1);
    }
}

//! Points spent, and what is left of them.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::stamp;

/// What the rate-limit headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    pub(crate) reset: i64,
}

impl Balance {
    pub(crate) fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// Who spends what: a token or an installation, a resource, and the points an hour it has of it.
#[derive(Debug, Clone)]
pub(crate) struct Payer {
    /// Empty for callers without a token.
    pub(crate) purse: String,
    pub(crate) resource: &'static str,
    pub(crate) limit: u32,
}

type Key = (String, &'static str);

impl Payer {
    fn key(&self) -> Key {
        (self.purse.clone(), self.resource)
    }
}

#[derive(Debug, Clone, Copy)]
struct Hour {
    used: u32,
    reset: i64,
}

/// Points per payer and resource: by the hour, and in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    hours: HashMap<Key, Hour>,
    minutes: HashMap<Key, VecDeque<(Timestamp, u32)>>,
    spent: HashMap<&'static str, u64>,
}

impl Ledger {
    /// What `payer` has; an hour begins with the first look after the last one ended.
    pub(crate) fn balance(&mut self, payer: &Payer, now: Timestamp) -> Balance {
        let hour = self.hour(payer, now);
        Balance { limit: payer.limit, used: hour.used.min(payer.limit), reset: hour.reset }
    }

    /// Takes `points` of the hour and `effort` of the minute.
    pub(crate) fn charge(&mut self, payer: &Payer, points: u32, effort: u32, now: Timestamp) {
        let hour = self.hour(payer, now);
        hour.used = hour.used.saturating_add(points);
        self.recent(payer, now).push_back((now, effort));
        *self.spent.entry(payer.resource).or_default() += u64::from(points);
    }

    /// Points of the last 60 seconds.
    pub(crate) fn last_minute(&mut self, payer: &Payer, now: Timestamp) -> u32 {
        let recent = self.recent(payer, now);
        recent.iter().map(|(_, points)| points).sum()
    }

    /// All points spent on a resource.
    pub(crate) fn spent(&self, resource: &str) -> u64 {
        self.spent.get(resource).copied().unwrap_or(0)
    }

    pub(crate) fn forget_spent(&mut self) {
        self.spent.clear();
    }

    /// What was spent in the last 60 seconds; anything older is forgotten.
    fn recent(&mut self, payer: &Payer, now: Timestamp) -> &mut VecDeque<(Timestamp, u32)> {
        let recent = self.minutes.entry(payer.key()).or_default();
        let floor = stamp::plus(now, -60);
        while recent.front().is_some_and(|(at, _)| *at <= floor) {
            recent.pop_front();
        }
        recent
    }

    fn hour(&mut self, payer: &Payer, now: Timestamp) -> &mut Hour {
        let fresh = Hour { used: 0, reset: now.as_second() + 3_600 };
        let hour = self.hours.entry(payer.key()).or_insert(fresh);
        if hour.reset <= now.as_second() {
            *hour = fresh;
        }
        hour
    }
}

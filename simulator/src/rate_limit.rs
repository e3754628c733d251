//! Rate limits: the points that were spent, and those that remain.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::stamp;

/// The values of the rate-limit headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    pub(crate) reset: i64,
}

impl RateLimitStatus {
    pub(crate) fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// A token or an installation, a resource, and the hourly limit of that resource.
#[derive(Debug, Clone)]
pub(crate) struct RateLimitAccount {
    /// The token or the installation; empty for anonymous callers.
    pub(crate) account_key: String,
    pub(crate) resource: &'static str,
    pub(crate) limit: u32,
}

type AccountKey = (String, &'static str);

impl RateLimitAccount {
    fn account_key(&self) -> AccountKey {
        (self.account_key.clone(), self.resource)
    }
}

#[derive(Debug, Clone, Copy)]
struct HourlyUse {
    used: u32,
    reset: i64,
}

/// Points spent per account and resource, in the current hour and in the last minute.
#[derive(Debug, Default)]
pub(crate) struct RateLimitAccounts {
    hours: HashMap<AccountKey, HourlyUse>,
    minutes: HashMap<AccountKey, VecDeque<(Timestamp, u32)>>,
    spent: HashMap<&'static str, u64>,
}

impl RateLimitAccounts {
    /// The limit and use of an account. An hour begins with the first request after the previous
    /// one ended.
    pub(crate) fn rate_limit_status(
        &mut self,
        rate_limit_account: &RateLimitAccount,
        now: Timestamp,
    ) -> RateLimitStatus {
        let hourly_use = self.hourly_use(rate_limit_account, now);
        RateLimitStatus {
            limit: rate_limit_account.limit,
            used: hourly_use.used.min(rate_limit_account.limit),
            reset: hourly_use.reset,
        }
    }

    /// Charges `points` to the hour and `weight` to the minute.
    pub(crate) fn charge(
        &mut self,
        rate_limit_account: &RateLimitAccount,
        points: u32,
        weight: u32,
        now: Timestamp,
    ) {
        let hourly_use = self.hourly_use(rate_limit_account, now);
        hourly_use.used = hourly_use.used.saturating_add(points);
        self.last_minute_use(rate_limit_account, now).push_back((now, weight));
        *self.spent.entry(rate_limit_account.resource).or_default() += u64::from(points);
    }

    /// Points spent in the last 60 seconds.
    pub(crate) fn last_minute(&mut self, rate_limit_account: &RateLimitAccount, now: Timestamp) -> u32 {
        let last_minute_use = self.last_minute_use(rate_limit_account, now);
        last_minute_use.iter().map(|(_, points)| points).sum()
    }

    /// All points spent on a resource since the last reset.
    pub(crate) fn spent(&self, resource: &str) -> u64 {
        self.spent.get(resource).copied().unwrap_or(0)
    }

    pub(crate) fn reset_spent(&mut self) {
        self.spent.clear();
    }

    /// The charges of the last 60 seconds; older ones are dropped.
    fn last_minute_use(
        &mut self,
        rate_limit_account: &RateLimitAccount,
        now: Timestamp,
    ) -> &mut VecDeque<(Timestamp, u32)> {
        let last_minute_use = self.minutes.entry(rate_limit_account.account_key()).or_default();
        let floor = stamp::plus(now, -60);
        while last_minute_use.front().is_some_and(|(at, _)| *at <= floor) {
            last_minute_use.pop_front();
        }
        last_minute_use
    }

    fn hourly_use(&mut self, rate_limit_account: &RateLimitAccount, now: Timestamp) -> &mut HourlyUse {
        let fresh = HourlyUse { used: 0, reset: now.as_second() + 3_600 };
        let hourly_use = self.hours.entry(rate_limit_account.account_key()).or_insert(fresh);
        if hourly_use.reset <= now.as_second() {
            *hourly_use = fresh;
        }
        hourly_use
    }
}

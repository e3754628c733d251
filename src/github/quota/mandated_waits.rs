//! The waits that GitHub has imposed after a rate limit was hit.

use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use tokio::time::Instant;

use super::api_resource::ApiResource;
use super::wait_reason::WaitReason;

/// The longest backoff after a secondary rate limit for which GitHub names no duration.
const MAX_BACKOFF: Duration = Duration::from_secs(15 * 60);

/// The waits that GitHub has imposed.
#[derive(Clone, Debug, Default)]
pub struct MandatedWaits {
    /// End of the wait for the secondary rate limit, which concerns every request with the same
    /// credentials.
    secondary: Option<Instant>,
    /// End of the wait for the primary rate limit of each resource, on GitHub's clock.
    core: Option<Timestamp>,
    graphql: Option<Timestamp>,
    /// Secondary rate limits in a row.
    consecutive_hits: u32,
}

impl MandatedWaits {
    /// The primary rate limit of a resource is used up until then.
    pub fn impose_primary(&mut self, resource: ApiResource, until: Timestamp) {
        let current = match resource {
            ApiResource::Core => &mut self.core,
            ApiResource::Graphql => &mut self.graphql,
        };
        *current = (*current).max(Some(until));
    }

    /// The secondary rate limit was hit; returns the length of the wait. It is `retry_after` if
    /// GitHub names it, else a backoff that doubles with each hit in a row.
    pub fn impose_secondary(
        &mut self,
        retry_after: Option<Duration>,
        backoff: Duration,
        now: Instant,
    ) -> Duration {
        // Requests in flight at the same time are refused together: they count as one hit.
        if self.secondary.is_none_or(|until| until <= now) {
            self.consecutive_hits = (self.consecutive_hits + 1).min(16);
        }
        let doubled =
            backoff.saturating_mul(1 << (self.consecutive_hits.max(1) - 1)).min(MAX_BACKOFF.max(backoff));
        let pause = retry_after.unwrap_or(doubled);
        self.secondary = self.secondary.max(Some(now + pause));
        pause
    }

    /// Another replica with the same credentials has to wait until then; `now` is GitHub's time at
    /// `instant`.
    pub fn merge_secondary(&mut self, until: Timestamp, instant: Instant, now: Timestamp) {
        let left = Duration::from_secs(until.seconds_since(now).max(0).unsigned_abs());
        // Reports are repeated and in whole seconds: only a later time is new.
        if !left.is_zero()
            && self.secondary.is_none_or(|known| known + Duration::from_secs(1) < instant + left)
        {
            self.secondary = Some(instant + left);
        }
    }

    /// A successful response ends a series of secondary rate limits.
    pub fn record_success(&mut self, now: Instant) {
        if self.secondary.is_none_or(|until| until <= now) {
            self.consecutive_hits = 0;
        }
    }

    /// Until when no request for this resource may be sent, and why; `now` is GitHub's time at
    /// `instant`.
    pub fn until(
        &self,
        resource: ApiResource,
        instant: Instant,
        now: Timestamp,
    ) -> Option<(Instant, WaitReason)> {
        let primary = match resource {
            ApiResource::Core => self.core,
            ApiResource::Graphql => self.graphql,
        };
        let left = primary.map(|until| Duration::from_secs(until.seconds_since(now).max(0).unsigned_abs()));
        let primary = left.map(|left| (instant + left, WaitReason::PrimaryLimit));
        let secondary = self.secondary.map(|until| (until, WaitReason::SecondaryLimit));
        let later = primary.into_iter().chain(secondary).max_by_key(|(until, _)| *until);
        later.filter(|(until, _)| *until > instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Duration = Duration::from_secs(60);

    #[test]
    fn a_secondary_limit_delays_every_request_and_a_primary_one_those_for_its_resource() {
        let (now, at) = (Instant::now(), Timestamp::from_unix(1_000));
        let mut waits = MandatedWaits::default();
        waits.impose_primary(ApiResource::Graphql, at + 60);
        assert_eq!(waits.until(ApiResource::Core, now, at), None);
        assert_eq!(
            waits.until(ApiResource::Graphql, now, at),
            Some((now + BACKOFF, WaitReason::PrimaryLimit))
        );
        assert_eq!(waits.until(ApiResource::Graphql, now, at + 60), None);
        waits.impose_secondary(Some(Duration::from_secs(5)), BACKOFF, now);
        assert_eq!(
            waits.until(ApiResource::Core, now, at),
            Some((now + Duration::from_secs(5), WaitReason::SecondaryLimit))
        );
        assert_eq!(waits.until(ApiResource::Core, now + Duration::from_secs(5), at), None);
    }

    #[test]
    fn the_backoff_doubles_with_each_hit_in_a_row_up_to_fifteen_minutes() {
        let mut now = Instant::now();
        let mut waits = MandatedWaits::default();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let pause = waits.impose_secondary(None, BACKOFF, now);
            assert_eq!(waits.impose_secondary(None, BACKOFF, now), pause, "a burst is one hit");
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        waits.record_success(now);
        assert_eq!(waits.impose_secondary(None, BACKOFF, now), BACKOFF);
    }
}

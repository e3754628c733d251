//! GitHub wants to be left alone: what for, and until when.

use std::time::Duration;

use github_stats_actors::activity::Timestamp;
use tokio::time::Instant;

use super::{ApiResource, WaitReason};

/// Pauses after secondary limits that name none never grow beyond this.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The waits GitHub has asked for.
#[derive(Clone, Debug, Default)]
pub struct MandatedWaits {
    /// A secondary limit concerns everything asked with the same credentials.
    secondary: Option<Instant>,
    /// A limit is renewed by GitHub's clock.
    core: Option<Timestamp>,
    graphql: Option<Timestamp>,
    /// Secondary limits in a row.
    streak: u32,
}

impl MandatedWaits {
    /// The limit of one resource is used up until then.
    pub fn primary(&mut self, resource: ApiResource, until: Timestamp) {
        let held = match resource {
            ApiResource::Core => &mut self.core,
            ApiResource::Graphql => &mut self.graphql,
        };
        *held = (*held).max(Some(until));
    }

    /// Requests came too fast; how long to pause. Without a time of GitHub's own each one in a row takes twice as long.
    pub fn secondary(&mut self, named: Option<Duration>, backoff: Duration, now: Instant) -> Duration {
        // Requests that were under way together are refused together: that is one hit.
        if self.secondary.is_none_or(|until| until <= now) {
            self.streak = (self.streak + 1).min(16);
        }
        let grown = backoff.saturating_mul(1 << (self.streak.max(1) - 1)).min(LONGEST.max(backoff));
        let pause = named.unwrap_or(grown);
        self.secondary = self.secondary.max(Some(now + pause));
        pause
    }

    /// Somebody else with the same credentials is to leave GitHub alone until then; `now` is GitHub's time at `instant`.
    pub fn heard(&mut self, until: Timestamp, instant: Instant, now: Timestamp) {
        let left = Duration::from_secs(until.seconds_since(now).max(0).unsigned_abs());
        // What is heard is in whole seconds and told again and again: only a later time is news.
        if !left.is_zero()
            && self.secondary.is_none_or(|known| known + Duration::from_secs(1) < instant + left)
        {
            self.secondary = Some(instant + left);
        }
    }

    /// An answer came that is no refusal.
    pub fn answered(&mut self, now: Instant) {
        if self.secondary.is_none_or(|until| until <= now) {
            self.streak = 0;
        }
    }

    /// Until when nothing may be asked of this resource, and why; `now` is GitHub's time at `instant`.
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
    fn a_secondary_limit_holds_everything_and_a_primary_one_its_resource() {
        let (now, at) = (Instant::now(), Timestamp::from_unix(1_000));
        let mut holds = MandatedWaits::default();
        holds.primary(ApiResource::Graphql, at + 60);
        assert_eq!(holds.until(ApiResource::Core, now, at), None);
        assert_eq!(
            holds.until(ApiResource::Graphql, now, at),
            Some((now + BACKOFF, WaitReason::PrimaryLimit))
        );
        assert_eq!(holds.until(ApiResource::Graphql, now, at + 60), None);
        holds.secondary(Some(Duration::from_secs(5)), BACKOFF, now);
        assert_eq!(
            holds.until(ApiResource::Core, now, at),
            Some((now + Duration::from_secs(5), WaitReason::SecondaryLimit))
        );
        assert_eq!(holds.until(ApiResource::Core, now + Duration::from_secs(5), at), None);
    }

    #[test]
    fn pauses_grow_with_every_hit_in_a_row_and_no_further_than_a_quarter_of_an_hour() {
        let mut now = Instant::now();
        let mut holds = MandatedWaits::default();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let pause = holds.secondary(None, BACKOFF, now);
            assert_eq!(holds.secondary(None, BACKOFF, now), pause, "a burst is one hit");
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        holds.answered(now);
        assert_eq!(holds.secondary(None, BACKOFF, now), BACKOFF);
    }
}

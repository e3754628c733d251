//! GitHub's statistics week: Sunday 00:00 UTC to Sunday 00:00 UTC.

use super::{DAY, Timestamp, WEEK, Window};

/// Sunday 1970-01-04 00:00 UTC, the first week boundary after the epoch (which was a Thursday).
const FIRST_SUNDAY: i64 = 3 * DAY;

/// The most recent complete week at `now`.
pub fn last_complete_week(now: Timestamp) -> Window {
    let to = (now.as_unix() - FIRST_SUNDAY).div_euclid(WEEK) * WEEK + FIRST_SUNDAY;
    let to = Timestamp::from_unix(to);
    Window::new(to - WEEK, to).expect("a week is not empty")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_ends_on_the_last_sunday_midnight() {
        // 2026-11-21 is a Saturday, 2026-11-15 a Sunday.
        let sunday = Timestamp::from_unix(1_794_700_800);
        let week = last_complete_week(sunday + 6 * DAY);
        assert_eq!((week.from(), week.to()), (sunday - WEEK, sunday));
        assert_eq!(last_complete_week(sunday).to(), sunday, "a week is complete at the instant it ends");
        assert_eq!(last_complete_week(sunday - 1).to(), sunday - WEEK);
    }

    #[test]
    fn weeks_before_the_epoch_are_weeks_too() {
        assert_eq!(last_complete_week(Timestamp::from_unix(0)).to().as_unix(), FIRST_SUNDAY - WEEK);
    }
}

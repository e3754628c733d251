//! One pause: what is left alone, until when, and on whose word.

use serde::{Deserialize, Serialize};

use crate::activity::{OrgName, Timestamp};

/// An organisation, or all of them, that is not scraped for a while. Times are GitHub's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Which organisation; [`Pause::ALL`] for every one.
    pub org: OrgName,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who asked for it, as far as that is known.
    pub by: String,
    /// Since when.
    pub from: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

impl Pause {
    /// The name under which every organisation is paused.
    pub const ALL: &'static str = "*";

    /// Whether it has not ended at `now`.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether this organisation is meant.
    pub fn covers(&self, org: &OrgName) -> bool {
        self.org.as_str() == Pause::ALL || self.org == *org
    }
}

/// What keeps this organisation from being scraped at `now`; of several the one that ends last.
pub fn pause_of<'a>(pauses: &'a [Pause], org: &OrgName, now: Timestamp) -> Option<&'a Pause> {
    let in_force = pauses.iter().filter(|pause| pause.covers(org) && pause.is_in_force(now));
    in_force.max_by_key(|pause| pause.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn pause(org: &str, until: i64) -> Pause {
        Pause {
            org: org.into(),
            reason: "a test".into(),
            by: "ann".into(),
            from: Timestamp::from_unix(0),
            until: Timestamp::from_unix(until),
        }
    }

    #[test]
    fn a_pause_covers_its_organisation_or_all_until_its_end() {
        let acme = OrgName::from("acme");
        for (pauses, expected) in [
            (vec![], None),
            (vec![pause("acme", 1_001)], Some(1_001)),
            (vec![pause("acme", 1_000)], None),
            (vec![pause("other", 2_000)], None),
            (vec![pause("*", 2_000)], Some(2_000)),
            (vec![pause("*", 900), pause("acme", 1_500)], Some(1_500)),
            (vec![pause("*", 3_000), pause("acme", 1_500)], Some(3_000)),
        ] {
            let found = pause_of(&pauses, &acme, NOW).map(|pause| pause.until.as_unix());
            assert_eq!(found, expected, "{pauses:?}");
        }
    }
}

//! A maintenance pause of one organisation, or of all.

use serde::{Deserialize, Serialize};

use crate::activity::{OrgName, Timestamp};

/// A period in which an organisation, or every one, is not scraped. Times are on GitHub's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The organisation; [`Pause::ALL`] for every one.
    pub org: OrgName,
    /// The reason that the operator gave.
    pub reason: String,
    /// The operator, as far as known.
    pub by: String,
    pub from: Timestamp,
    /// When it ends unless it is ended before.
    pub until: Timestamp,
}

impl Pause {
    /// The name under which every organisation is paused.
    pub const ALL: &'static str = "*";

    /// Whether it has not ended at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether it applies to this organisation.
    pub fn covers(&self, org: &OrgName) -> bool {
        self.org.as_str() == Pause::ALL || self.org == *org
    }
}

/// The active pause of this organisation at `now`; if there are several, the one that ends last.
pub fn pause_of<'a>(pauses: &'a [Pause], org: &OrgName, now: Timestamp) -> Option<&'a Pause> {
    let active = pauses.iter().filter(|pause| pause.covers(org) && pause.is_active(now));
    active.max_by_key(|pause| pause.until)
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

//! From the outcome of an attempt to the role: a plain function.

use std::time::Duration;

use tokio::time::Instant;

use super::{ElectionBasis, ElectionError, ElectionStatus, Epoch, EpochError, RoleView};

/// The number of a leadership, where the attempt found one.
#[derive(Debug)]
pub(super) enum ObservedEpoch {
    /// It goes on under its epoch.
    Held(Epoch),
    /// It begins.
    Issued(Result<Epoch, EpochError>),
    /// This replica does not lead.
    None,
}

/// What an attempt found.
#[derive(Debug)]
pub(super) struct AttemptOutcome {
    pub(super) standing: Result<ElectionStatus, ElectionError>,
    pub(super) number: ObservedEpoch,
    pub(super) basis: ElectionBasis,
    /// Why the store that replicas share is away; `None` when it is not.
    pub(super) cut_off: Option<String>,
}

/// The role after an attempt: an unknown outcome leaves a leadership to its deadline. `patience` is how long the election
/// must have been silent before a replica without a rival stands in.
pub(super) fn role_after(
    before: &RoleView,
    outcome: AttemptOutcome,
    patience: Duration,
    now: Instant,
) -> RoleView {
    let AttemptOutcome { standing, number, basis, cut_off } = outcome;
    let follower = |leader, last_error| RoleView { leader, last_error, ..RoleView::follower(basis.clone()) };
    match (standing, number) {
        (Ok(ElectionStatus::Leader { until, term }), ObservedEpoch::Issued(Ok(epoch))) => {
            led(RoleView::leader(basis, epoch, until), term, until, patience)
        }
        // What was held may have ended while the attempt was under way: then it needs a new number.
        (Ok(ElectionStatus::Leader { until, term }), ObservedEpoch::Held(epoch))
            if before.leads(now) == Some(epoch) =>
        {
            led(RoleView::leader(basis, epoch, until), term, until, patience)
        }
        (Ok(ElectionStatus::Leader { .. }), ObservedEpoch::Issued(Err(error))) => {
            follower(None, Some(error.to_string()))
        }
        (Ok(ElectionStatus::Leader { .. }), _) => follower(None, before.last_error.clone()),
        (Ok(ElectionStatus::Follower { leader }), _) => follower(leader, None),
        (Err(error), _) => {
            let last_error = Some(error.to_string());
            if before.leads(now).is_some() {
                return RoleView { last_error, basis, ..before.clone() };
            }
            let stands_in = cut_off.is_some()
                && before.unrivalled.is_some_and(|since| now.saturating_duration_since(since) >= patience);
            RoleView {
                stands_in,
                until: stands_in.then(|| now + patience),
                unrivalled: before.unrivalled,
                ..follower(before.leader.clone(), last_error)
            }
        }
    }
}

fn led(view: RoleView, term: u64, until: Instant, patience: Duration) -> RoleView {
    RoleView { term, unrivalled: Some(until.checked_sub(patience).unwrap_or(until)), ..view }
}

#[cfg(test)]
mod tests {
    use super::super::{Role, SchedulingAuthority};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn basis() -> ElectionBasis {
        ElectionBasis { backend: "test", ..ElectionBasis::default() }
    }

    fn outcome(standing: Result<ElectionStatus, ElectionError>, number: ObservedEpoch) -> AttemptOutcome {
        AttemptOutcome { standing, number, basis: basis(), cut_off: None }
    }

    fn leading(until: Instant) -> Result<ElectionStatus, ElectionError> {
        Ok(ElectionStatus::Leader { until, term: 1 })
    }

    fn silence() -> Result<ElectionStatus, ElectionError> {
        Err(ElectionError("no route".into()))
    }

    fn leader_until(until: Instant) -> RoleView {
        let before = RoleView::follower(basis());
        let elected = outcome(leading(until), ObservedEpoch::Issued(Ok(Epoch(7))));
        role_after(&before, elected, PATIENCE, until - PATIENCE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_leadership_that_cannot_be_renewed_ends_at_its_deadline() {
        let now = Instant::now();
        let until = now + PATIENCE;
        let leader = leader_until(until);
        assert_eq!(leader.leads(now), Some(Epoch(7)));
        let unsure = role_after(&leader, outcome(silence(), ObservedEpoch::Held(Epoch(7))), PATIENCE, now);
        assert_eq!(unsure.leads(now), Some(Epoch(7)), "an unknown outcome does not end it");
        assert_eq!(unsure.leads(until), None, "its deadline does");
        let late = role_after(&unsure, outcome(silence(), ObservedEpoch::None), PATIENCE, until);
        assert_eq!((late.role, late.epoch, late.stands_in), (Role::Follower, None, false));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leads_without_an_epoch() {
        let until = Instant::now() + PATIENCE;
        let refused = outcome(leading(until), ObservedEpoch::Issued(Err(EpochError("store down".into()))));
        let view = role_after(&RoleView::follower(basis()), refused, PATIENCE, Instant::now());
        assert_eq!(view.role, Role::Follower);
        assert!(view.last_error.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_leadership_that_was_refused_meanwhile_does_not_come_back_under_its_epoch() {
        let until = Instant::now() + PATIENCE;
        let refused = RoleView { last_error: Some("epoch 7 is over".into()), ..RoleView::follower(basis()) };
        let renewed = outcome(leading(until), ObservedEpoch::Held(Epoch(7)));
        let view = role_after(&refused, renewed, PATIENCE, Instant::now());
        assert_eq!((view.role, view.epoch), (Role::Follower, None));
        assert_eq!(view.last_error.as_deref(), Some("epoch 7 is over"));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_led_last_stands_in_while_the_shared_store_is_away() {
        let until = Instant::now() + PATIENCE;
        let leader = leader_until(until);
        let silent = |cut_off: Option<&str>| AttemptOutcome {
            cut_off: cut_off.map(str::to_owned),
            ..outcome(silence(), ObservedEpoch::None)
        };
        let alone = role_after(&leader, silent(None), PATIENCE, until);
        assert_eq!(alone.mandate(until), None, "the store is there: somebody else may lead");
        let standing_in = role_after(&leader, silent(Some("away")), PATIENCE, until);
        assert_eq!(standing_in.mandate(until), Some(SchedulingAuthority::Outage));
        assert_eq!((standing_in.role, standing_in.leads(until)), (Role::Follower, None));
        let later = until + PATIENCE;
        assert_eq!(standing_in.mandate(later), None, "that has a deadline, too");
        let on = role_after(&standing_in, silent(Some("away")), PATIENCE, later);
        assert_eq!(on.mandate(later), Some(SchedulingAuthority::Outage));
        let other = outcome(Ok(ElectionStatus::Follower { leader: Some("b".into()) }), ObservedEpoch::None);
        let followed = role_after(&on, other, PATIENCE, later);
        let again = role_after(&followed, silent(Some("away")), PATIENCE, later + PATIENCE);
        assert_eq!(again.mandate(later + PATIENCE), None, "another led last");
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_that_never_reached_the_election_stands_in_after_a_while() {
        let start = Instant::now();
        let fresh = RoleView { unrivalled: Some(start), ..RoleView::follower(basis()) };
        let silent =
            || AttemptOutcome { cut_off: Some("away".into()), ..outcome(silence(), ObservedEpoch::None) };
        let early = role_after(&fresh, silent(), PATIENCE, start + PATIENCE / 2);
        assert_eq!(early.mandate(start + PATIENCE / 2), None);
        let late = role_after(&early, silent(), PATIENCE, start + PATIENCE);
        assert_eq!(late.mandate(start + PATIENCE), Some(SchedulingAuthority::Outage));
    }
}

//! How the outcome of an attempt changes the role: a pure function.

use std::time::Duration;

use tokio::time::Instant;

use super::{ElectionBasis, ElectionError, ElectionStatus, Epoch, EpochError, RoleView};

/// The epoch under which this replica leads after an attempt.
#[derive(Debug)]
pub(super) enum ObservedEpoch {
    /// The leadership continues under the epoch it has.
    Held(Epoch),
    /// The leadership is new: it was issued an epoch, or could not be.
    Issued(Result<Epoch, EpochError>),
    /// This replica does not lead.
    None,
}

/// What an attempt found out.
#[derive(Debug)]
pub(super) struct AttemptOutcome {
    pub(super) status: Result<ElectionStatus, ElectionError>,
    pub(super) epoch: ObservedEpoch,
    pub(super) basis: ElectionBasis,
    /// Why the shared store is unreachable; `None` when it is reachable.
    pub(super) cut_off: Option<String>,
}

/// The role after an attempt. An unknown outcome leaves a leadership to its deadline. `patience` is
/// how long the election must have failed before a replica that knows of no other leader leads
/// without election.
pub(super) fn role_after(
    before: &RoleView,
    outcome: AttemptOutcome,
    patience: Duration,
    now: Instant,
) -> RoleView {
    let AttemptOutcome { status, epoch, basis, cut_off } = outcome;
    let follower = |leader, last_error| RoleView { leader, last_error, ..RoleView::follower(basis.clone()) };
    match (status, epoch) {
        (Ok(ElectionStatus::Leader { until, term }), ObservedEpoch::Issued(Ok(epoch))) => {
            led(RoleView::leader(basis, epoch, until), term, until, patience)
        }
        // The leadership may have ended during the attempt: then it needs a new epoch.
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
            let leads_without_election = cut_off.is_some()
                && before
                    .uncontested_since
                    .is_some_and(|since| now.saturating_duration_since(since) >= patience);
            RoleView {
                leads_without_election,
                until: leads_without_election.then(|| now + patience),
                uncontested_since: before.uncontested_since,
                ..follower(before.leader.clone(), last_error)
            }
        }
    }
}

fn led(view: RoleView, term: u64, until: Instant, patience: Duration) -> RoleView {
    RoleView { term, uncontested_since: Some(until.checked_sub(patience).unwrap_or(until)), ..view }
}

#[cfg(test)]
mod tests {
    use super::super::{Role, SchedulingAuthority};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn basis() -> ElectionBasis {
        ElectionBasis { backend: "test", ..ElectionBasis::default() }
    }

    fn outcome(status: Result<ElectionStatus, ElectionError>, epoch: ObservedEpoch) -> AttemptOutcome {
        AttemptOutcome { status, epoch, basis: basis(), cut_off: None }
    }

    fn leading(until: Instant) -> Result<ElectionStatus, ElectionError> {
        Ok(ElectionStatus::Leader { until, term: 1 })
    }

    fn no_answer() -> Result<ElectionStatus, ElectionError> {
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
        let unanswered =
            role_after(&leader, outcome(no_answer(), ObservedEpoch::Held(Epoch(7))), PATIENCE, now);
        assert_eq!(unanswered.leads(now), Some(Epoch(7)), "an unknown outcome does not end it");
        assert_eq!(unanswered.leads(until), None, "its deadline does");
        let late = role_after(&unanswered, outcome(no_answer(), ObservedEpoch::None), PATIENCE, until);
        assert_eq!((late.role, late.epoch, late.leads_without_election), (Role::Follower, None, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_without_an_epoch_does_not_lead() {
        let until = Instant::now() + PATIENCE;
        let refused = outcome(leading(until), ObservedEpoch::Issued(Err(EpochError("store down".into()))));
        let view = role_after(&RoleView::follower(basis()), refused, PATIENCE, Instant::now());
        assert_eq!(view.role, Role::Follower);
        assert!(view.last_error.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_leadership_revoked_during_an_attempt_does_not_continue_under_its_epoch() {
        let until = Instant::now() + PATIENCE;
        let refused = RoleView { last_error: Some("epoch 7 is over".into()), ..RoleView::follower(basis()) };
        let renewed = outcome(leading(until), ObservedEpoch::Held(Epoch(7)));
        let view = role_after(&refused, renewed, PATIENCE, Instant::now());
        assert_eq!((view.role, view.epoch), (Role::Follower, None));
        assert_eq!(view.last_error.as_deref(), Some("epoch 7 is over"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_leader_leads_without_election_while_the_shared_store_is_unreachable() {
        let until = Instant::now() + PATIENCE;
        let leader = leader_until(until);
        let unanswered = |cut_off: Option<&str>| AttemptOutcome {
            cut_off: cut_off.map(str::to_owned),
            ..outcome(no_answer(), ObservedEpoch::None)
        };
        let alone = role_after(&leader, unanswered(None), PATIENCE, until);
        assert_eq!(alone.authority(until), None, "the store is reachable: another replica may lead");
        let unelected = role_after(&leader, unanswered(Some("away")), PATIENCE, until);
        assert_eq!(unelected.authority(until), Some(SchedulingAuthority::Outage));
        assert_eq!((unelected.role, unelected.leads(until)), (Role::Follower, None));
        let later = until + PATIENCE;
        assert_eq!(unelected.authority(later), None, "leading without election has a deadline, too");
        let renewed = role_after(&unelected, unanswered(Some("away")), PATIENCE, later);
        assert_eq!(renewed.authority(later), Some(SchedulingAuthority::Outage));
        let other = outcome(Ok(ElectionStatus::Follower { leader: Some("b".into()) }), ObservedEpoch::None);
        let followed = role_after(&renewed, other, PATIENCE, later);
        let again = role_after(&followed, unanswered(Some("away")), PATIENCE, later + PATIENCE);
        assert_eq!(again.authority(later + PATIENCE), None, "another replica led last");
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_that_never_reached_the_election_leads_without_it_after_a_while() {
        let start = Instant::now();
        let fresh = RoleView { uncontested_since: Some(start), ..RoleView::follower(basis()) };
        let unanswered =
            || AttemptOutcome { cut_off: Some("away".into()), ..outcome(no_answer(), ObservedEpoch::None) };
        let early = role_after(&fresh, unanswered(), PATIENCE, start + PATIENCE / 2);
        assert_eq!(early.authority(start + PATIENCE / 2), None);
        let late = role_after(&early, unanswered(), PATIENCE, start + PATIENCE);
        assert_eq!(late.authority(start + PATIENCE), Some(SchedulingAuthority::Outage));
    }
}

//! A crew without a supervisor: what it decides, whatever happens.

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::*;
use crate::{Backoff, Heartbeat, Intensity, Restart, Strategy};

const POLICY: Policy = Policy {
    restart: Restart::Permanent,
    shutdown: Shutdown::Timeout(Duration::from_secs(5)),
    start_timeout: Some(Duration::from_secs(5)),
    intensity: Intensity::new(3, Duration::from_secs(10)),
    backoff: Backoff::none(),
    heartbeat: Some(Heartbeat::new(Duration::from_secs(1), 5)),
    absorbs_escalations: false,
};

fn crew(strategy: Strategy, ids: &[&str]) -> Crew {
    let mut crew = Crew::new(strategy, || 0.0);
    for id in ids {
        crew.add((*id).into(), POLICY, false);
    }
    crew
}

fn panicked() -> ExitReason {
    ExitReason::Panicked { message: "test".to_owned() }
}

/// Starts everybody, giving each the incarnation 1.
fn boot(crew: &mut Crew, now: Instant) {
    while let Some(Action::Start(id)) = crew.next(now) {
        crew.launched(&id, 1);
        assert!(crew.ready(&id, 1, now));
    }
    assert!(crew.has_booted());
}

#[test]
fn a_stale_exit_changes_nothing() {
    let now = Instant::now();
    let mut crew = crew(Strategy::OneForAll, &["a", "b"]);
    boot(&mut crew, now);
    let a = ActorId::from("a");
    assert!(crew.exited(&a, 1, panicked(), now).is_some());
    assert_eq!(crew.exited(&a, 1, panicked(), now), None, "the death is known already");
    assert_eq!(crew.next(now), Some(Action::Finish("b".into())));
    assert!(crew.exited(&"b".into(), 1, ExitReason::Normal, now).is_some());
    assert_eq!(crew.next(now), Some(Action::Start(a.clone())));
    crew.launched(&a, 2);
    assert_eq!(crew.exited(&a, 1, panicked(), now), None, "an old incarnation");
    assert!(!crew.ready(&a, 1, now), "an old incarnation");
    assert!(!crew.condemn(&a, 1, panicked(), now), "an old incarnation");
    assert!(crew.ready(&a, 2, now));
}

#[test]
fn a_child_that_cannot_be_killed_escalates() {
    let now = Instant::now();
    let mut crew = crew(Strategy::OneForOne, &["a", "b"]);
    boot(&mut crew, now);
    assert!(crew.condemn(&"a".into(), 1, ExitReason::Hung { silent_ms: 1 }, now));
    assert_eq!(crew.wake_at(now), Some(now + ABORT_TIMEOUT));
    let reprieve = now + ABORT_TIMEOUT;
    assert_eq!(crew.next(reprieve), None, "its supervisor may have been blocked itself");
    assert_eq!(crew.wake_at(reprieve), Some(reprieve + ABORT_TIMEOUT));
    assert_eq!(crew.next(reprieve + ABORT_TIMEOUT), Some(Action::Finish("b".into())));
    assert!(crew.exited(&"b".into(), 1, ExitReason::Normal, now).is_some());
    let escalation = Closing::Escalation { child: "a".into(), reason: ExitReason::Unkillable };
    assert_eq!(crew.is_over(), Some(&escalation));
}

#[test]
fn dynamic_children_stop_together_before_the_others() {
    let now = Instant::now();
    let mut crew = crew(Strategy::OneForOne, &["fixed"]);
    crew.add("one".into(), POLICY, true);
    crew.add("two".into(), POLICY, true);
    boot(&mut crew, now);
    crew.close(Closing::Shutdown);
    assert_eq!(crew.next(now), Some(Action::Finish("two".into())));
    assert_eq!(crew.next(now), Some(Action::Finish("one".into())));
    assert_eq!(crew.next(now), None);
    for id in ["two", "one"] {
        assert!(crew.exited(&id.into(), 1, ExitReason::Normal, now).is_some());
    }
    assert_eq!(crew.next(now), Some(Action::Finish("fixed".into())));
}

/// What may happen to a crew next.
#[derive(Debug, Clone)]
enum Step {
    Ready(usize),
    Exit(usize, ExitReason),
    Condemn(usize),
    Dismiss(usize),
    Pass(u64),
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize).prop_map(Step::Ready),
        3 => (0..4_usize, prop_oneof![Just(panicked()), Just(ExitReason::Normal), Just(ExitReason::Cancelled)])
            .prop_map(|(member, reason)| Step::Exit(member, reason)),
        1 => (0..4_usize).prop_map(Step::Condemn),
        1 => (0..4_usize).prop_map(Step::Dismiss),
        2 => (0..3000_u64).prop_map(Step::Pass),
    ]
}

const IDS: [&str; 4] = ["a", "b", "c", "d"];

/// Plays supervisor and children, and checks every action against what it knows.
struct Stage {
    crew: Crew,
    alive: [Option<u64>; 4],
    born: u64,
}

impl Stage {
    fn act(&mut self, now: Instant) {
        // No step makes more work than a few actions a member.
        for _ in 0..20 {
            let Some(action) = self.crew.next(now) else { return };
            let (Action::Start(id) | Action::Finish(id) | Action::Kill(id)) = &action;
            let member = IDS.iter().position(|known| *known == id.as_str()).unwrap();
            match &action {
                Action::Start(id) => {
                    assert_eq!(self.alive[member], None, "two incarnations at once");
                    assert!(!self.crew.is_closing(), "a start while closing");
                    self.born += 1;
                    self.alive[member] = Some(self.born);
                    self.crew.launched(id, self.born);
                }
                _ => assert!(self.alive[member].is_some(), "{action:?} of the dead"),
            }
        }
        panic!("no end of actions");
    }

    fn play(&mut self, step: Step, now: &mut Instant) {
        match step {
            Step::Pass(ms) => *now += Duration::from_millis(ms),
            Step::Dismiss(member) => drop(self.crew.dismiss(&IDS[member].into())),
            Step::Ready(member) => {
                if let Some(incarnation) = self.alive[member] {
                    self.crew.ready(&IDS[member].into(), incarnation, *now);
                }
            }
            Step::Condemn(member) => {
                if let Some(incarnation) = self.alive[member] {
                    let cause = ExitReason::Hung { silent_ms: 1 };
                    self.crew.condemn(&IDS[member].into(), incarnation, cause, *now);
                }
            }
            Step::Exit(member, reason) => {
                if let Some(incarnation) = self.alive[member].take() {
                    self.crew.exited(&IDS[member].into(), incarnation, reason, *now);
                }
            }
        }
        self.act(*now);
    }

    /// From now on children obey: who starts gets ready, who is told to end ends.
    fn calm_down(&mut self, now: &mut Instant) {
        for _ in 0..200 {
            let states: Vec<_> = self.crew.states().map(|(_, state)| state).collect();
            for (member, state) in states.into_iter().enumerate() {
                let step = match state {
                    ActorState::Starting => Step::Ready(member),
                    ActorState::Stopping => Step::Exit(member, ExitReason::Normal),
                    _ => Step::Pass(10),
                };
                self.play(step, now);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_crew_ends_up_settled_or_over(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::RestForOne), Just(Strategy::OneForAll)
        ],
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut now = Instant::now();
        let mut stage = Stage { crew: crew(strategy, &IDS), alive: [None; 4], born: 0 };
        stage.act(now);
        for step in steps {
            stage.play(step, &mut now);
        }
        stage.calm_down(&mut now);
        let settled = stage.crew.members.iter().all(Member::is_settled);
        prop_assert!(settled, "{:?}", stage.crew.states().collect::<Vec<_>>());
        prop_assert_eq!(stage.crew.is_closing(), stage.crew.is_over().is_some());
    }
}

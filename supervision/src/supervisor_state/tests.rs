//! The decisions of a supervisor, checked without actors.

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::*;
use crate::{Backoff, Heartbeat, Intensity, Restart, Strategy};

const POLICY: ChildPolicy = ChildPolicy {
    restart: Restart::Permanent,
    shutdown: Shutdown::Timeout(Duration::from_secs(5)),
    start_timeout: Some(Duration::from_secs(5)),
    intensity: Intensity::new(3, Duration::from_secs(10)),
    backoff: Backoff::none(),
    heartbeat: Some(Heartbeat::new(Duration::from_secs(1), 5)),
    absorbs_escalations: false,
};

fn state_of(strategy: Strategy, ids: &[&str]) -> SupervisorState {
    let mut state = SupervisorState::new(strategy, || 0.0);
    for id in ids {
        state.add((*id).into(), POLICY, false);
    }
    state
}

fn panicked() -> ExitReason {
    ExitReason::Panicked { message: "test".to_owned() }
}

/// Starts all children, each with incarnation 1.
fn boot(state: &mut SupervisorState, now: Instant) {
    while let Some(Action::Start(id)) = state.next(now) {
        state.launched(&id, 1);
        assert!(state.ready(&id, 1, now));
    }
    assert!(state.has_booted());
}

#[test]
fn a_stale_exit_changes_nothing() {
    let now = Instant::now();
    let mut state = state_of(Strategy::OneForAll, &["a", "b"]);
    boot(&mut state, now);
    let a = ActorId::from("a");
    assert!(state.exited(&a, 1, panicked(), now).is_some());
    assert_eq!(state.exited(&a, 1, panicked(), now), None, "the exit is known already");
    assert_eq!(state.next(now), Some(Action::Stop("b".into())));
    assert!(state.exited(&"b".into(), 1, ExitReason::Normal, now).is_some());
    assert_eq!(state.next(now), Some(Action::Start(a.clone())));
    state.launched(&a, 2);
    assert_eq!(state.exited(&a, 1, panicked(), now), None, "an old incarnation");
    assert!(!state.ready(&a, 1, now), "an old incarnation");
    assert!(!state.abort(&a, 1, panicked(), now), "an old incarnation");
    assert!(state.ready(&a, 2, now));
}

#[test]
fn a_child_that_cannot_be_aborted_escalates() {
    let now = Instant::now();
    let mut state = state_of(Strategy::OneForOne, &["a", "b"]);
    boot(&mut state, now);
    assert!(state.abort(&"a".into(), 1, ExitReason::Hung { silent_ms: 1 }, now));
    assert_eq!(state.wake_at(now), Some(now + ABORT_TIMEOUT));
    let first_timeout = now + ABORT_TIMEOUT;
    assert_eq!(state.next(first_timeout), None, "its supervisor may have been blocked itself");
    assert_eq!(state.wake_at(first_timeout), Some(first_timeout + ABORT_TIMEOUT));
    assert_eq!(state.next(first_timeout + ABORT_TIMEOUT), Some(Action::Stop("b".into())));
    assert!(state.exited(&"b".into(), 1, ExitReason::Normal, now).is_some());
    let escalation = Termination::Escalation { child: "a".into(), reason: ExitReason::Unkillable };
    assert_eq!(state.terminated(), Some(&escalation));
}

#[test]
fn dynamic_children_stop_together_before_the_others() {
    let now = Instant::now();
    let mut state = state_of(Strategy::OneForOne, &["fixed"]);
    state.add("one".into(), POLICY, true);
    state.add("two".into(), POLICY, true);
    boot(&mut state, now);
    state.terminate(Termination::Shutdown);
    assert_eq!(state.next(now), Some(Action::Stop("two".into())));
    assert_eq!(state.next(now), Some(Action::Stop("one".into())));
    assert_eq!(state.next(now), None);
    for id in ["two", "one"] {
        assert!(state.exited(&id.into(), 1, ExitReason::Normal, now).is_some());
    }
    assert_eq!(state.next(now), Some(Action::Stop("fixed".into())));
}

/// One random event; `usize` is the index of the child.
#[derive(Debug, Clone)]
enum Step {
    Ready(usize),
    Exit(usize, ExitReason),
    Abort(usize),
    StopChild(usize),
    Pass(u64),
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize).prop_map(Step::Ready),
        3 => (0..4_usize, prop_oneof![Just(panicked()), Just(ExitReason::Normal), Just(ExitReason::Cancelled)])
            .prop_map(|(child, reason)| Step::Exit(child, reason)),
        1 => (0..4_usize).prop_map(Step::Abort),
        1 => (0..4_usize).prop_map(Step::StopChild),
        2 => (0..3000_u64).prop_map(Step::Pass),
    ]
}

const IDS: [&str; 4] = ["a", "b", "c", "d"];

/// Plays the supervisor and its children, and checks every action against the incarnations it knows
/// to be alive.
struct Simulation {
    state: SupervisorState,
    alive: [Option<u64>; 4],
    last_incarnation: u64,
}

impl Simulation {
    fn perform_actions(&mut self, now: Instant) {
        // No step causes more than a few actions per child.
        for _ in 0..20 {
            let Some(action) = self.state.next(now) else { return };
            let (Action::Start(id) | Action::Stop(id) | Action::Abort(id)) = &action;
            let child = IDS.iter().position(|known| *known == id.as_str()).unwrap();
            match &action {
                Action::Start(id) => {
                    assert_eq!(self.alive[child], None, "two incarnations at once");
                    assert!(!self.state.is_terminating(), "a start during termination");
                    self.last_incarnation += 1;
                    self.alive[child] = Some(self.last_incarnation);
                    self.state.launched(id, self.last_incarnation);
                }
                _ => assert!(self.alive[child].is_some(), "{action:?} of a child that is not alive"),
            }
        }
        panic!("no end of actions");
    }

    fn play(&mut self, step: Step, now: &mut Instant) {
        match step {
            Step::Pass(ms) => *now += Duration::from_millis(ms),
            Step::StopChild(child) => drop(self.state.stop_child(&IDS[child].into())),
            Step::Ready(child) => {
                if let Some(incarnation) = self.alive[child] {
                    self.state.ready(&IDS[child].into(), incarnation, *now);
                }
            }
            Step::Abort(child) => {
                if let Some(incarnation) = self.alive[child] {
                    let cause = ExitReason::Hung { silent_ms: 1 };
                    self.state.abort(&IDS[child].into(), incarnation, cause, *now);
                }
            }
            Step::Exit(child, reason) => {
                if let Some(incarnation) = self.alive[child].take() {
                    self.state.exited(&IDS[child].into(), incarnation, reason, *now);
                }
            }
        }
        self.perform_actions(*now);
    }

    /// From now on children cooperate: a started one becomes ready, a stopping one exits.
    fn cooperate(&mut self, now: &mut Instant) {
        for _ in 0..200 {
            let states: Vec<_> = self.state.states().map(|(_, state)| state).collect();
            for (child, state) in states.into_iter().enumerate() {
                let step = match state {
                    ActorState::Starting => Step::Ready(child),
                    ActorState::Stopping => Step::Exit(child, ExitReason::Normal),
                    _ => Step::Pass(10),
                };
                self.play(step, now);
            }
        }
    }
}

proptest! {
    #[test]
    fn after_any_events_all_children_are_settled_or_the_supervisor_has_terminated(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::RestForOne), Just(Strategy::OneForAll)
        ],
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut now = Instant::now();
        let mut simulation =
            Simulation { state: state_of(strategy, &IDS), alive: [None; 4], last_incarnation: 0 };
        simulation.perform_actions(now);
        for step in steps {
            simulation.play(step, &mut now);
        }
        simulation.cooperate(&mut now);
        let settled = simulation.state.records.iter().all(ChildRecord::is_settled);
        prop_assert!(settled, "{:?}", simulation.state.states().collect::<Vec<_>>());
        prop_assert_eq!(simulation.state.is_terminating(), simulation.state.terminated().is_some());
    }
}

//! Property: after any sequence of faults the tree is either fully up or has exited with a non-zero
//! code.

use std::time::Duration;

use actix_supervisor::testing::{Script, StartBehavior, TestHarness};
use actix_supervisor::{ChildSpec, Fault, Heartbeat, Intensity, RootHandle, Strategy, SupervisorSpec};
use proptest::prelude::*;

use super::millis;

const IDS: [&str; 7] = ["root", "a", "b", "nested", "c", "d", "e"];

fn strategy() -> impl proptest::strategy::Strategy<Value = Strategy> {
    prop_oneof![Just(Strategy::OneForOne), Just(Strategy::RestForOne), Just(Strategy::OneForAll)]
}

fn fault() -> impl proptest::strategy::Strategy<Value = (usize, Fault, u64)> {
    (0..IDS.len(), prop::sample::select(Fault::ALL.to_vec()), prop_oneof![Just(0), 0..5_u64, 0..500_u64])
}

/// Some incarnations fail to start, too.
fn failing_starts(seed: u64) -> Script {
    Script::on_start(move |n| match (n * 7 + seed) % 11 {
        3 => StartBehavior::PanicsInStarted,
        5 => StartBehavior::StopsInStarted,
        7 => StartBehavior::FailsInFactory,
        9 => StartBehavior::ReadyAfter(millis(30)),
        _ => StartBehavior::Ready,
    })
}

fn tree(harness: &TestHarness, outer: Strategy, inner: Strategy, restarts: u32, seed: u64) -> SupervisorSpec {
    let intensity = Intensity::new(restarts, Duration::from_secs(10));
    let heartbeat = Heartbeat::new(millis(50), 2);
    let child = |id| harness.scripted(id, failing_starts(seed)).1.intensity(intensity).heartbeat(heartbeat);
    let nested = SupervisorSpec::new("nested", inner).children(["c", "d"].map(child));
    SupervisorSpec::new("root", outer)
        .children(["a", "b"].map(child))
        .child(ChildSpec::supervisor(nested).intensity(intensity).heartbeat(heartbeat))
        .child(child("e"))
}

async fn inject_all(root: &RootHandle, faults: &[(usize, Fault, u64)]) {
    for &(index, fault, pause) in faults {
        // No fault can be injected into an actor that is down already.
        let _ = root.inject(IDS[index], fault);
        tokio::time::sleep(millis(pause)).await;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_faults_the_tree_is_fully_up_or_has_exited_with_a_non_zero_code(
        outer in strategy(),
        inner in strategy(),
        restarts in prop_oneof![Just(3), Just(20), Just(100)],
        seed in 0..11_u64,
        faults in prop::collection::vec(fault(), 0..40),
    ) {
        TestHarness::run(|harness| async move {
            let root = harness.start(tree(&harness, outer, inner, restarts, seed));
            inject_all(&root, &faults).await;
            match root.exit() {
                Some(exit) => {
                    assert_ne!(exit.code(), 0);
                    assert_eq!(harness.live_actors(), Vec::<String>::new());
                }
                None => {
                    assert!(root.tree().is_up(), "{:#?}", root.tree());
                    assert_eq!(harness.live_actors(), ["a", "b", "c", "d", "e"]);
                }
            }
        });
    }
}

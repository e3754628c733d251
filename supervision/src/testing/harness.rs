//! An actix system with a paused clock, in which no actor may outlive its test.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use actix_rt::System;

use super::live_actors::LiveActors;
use super::{Journal, Script, ScriptedActor};
use crate::{ActorRef, ChildSpec, RootHandle, SupervisorSpec, start_root};

/// How long, in virtual time, the trees of a test may take to shut down after it.
const GRACE: Duration = Duration::from_secs(60);

/// Runs a future on a new actix system whose clock is paused: time advances only when all tasks are
/// waiting, and then at once. All actors must share the arbiter of the test, because each thread
/// has its own clock.
pub fn in_virtual_time<F: Future>(test: impl FnOnce() -> F) -> F::Output {
    let system = System::with_tokio_rt(paused_runtime);
    system.block_on(async move { test().await })
}

fn paused_runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime for the test: {error}"),
    }
}

/// The environment of one test: its trees, its scripted actors and their journal.
#[derive(Clone, Default)]
pub struct TestHarness {
    journal: Journal,
    roots: Rc<RefCell<Vec<RootHandle>>>,
    live_actors: LiveActors,
}

// === impl TestHarness ===

impl TestHarness {
    /// Runs a test in virtual time, and then shuts down the trees it has started.
    ///
    /// # Panics
    /// If a scripted actor is still alive after that, or if two incarnations of one were ever alive
    /// at the same time.
    pub fn run<F: Future>(test: impl FnOnce(TestHarness) -> F) -> F::Output {
        in_virtual_time(|| async {
            let harness = TestHarness::default();
            let outcome = test(harness.clone()).await;
            harness.shut_down().await;
            outcome
        })
    }

    /// Starts a tree.
    ///
    /// # Panics
    /// If two actors of the tree have the same name.
    pub fn start(&self, spec: SupervisorSpec) -> RootHandle {
        match start_root(spec) {
            Ok(root) => {
                self.roots.borrow_mut().push(root.clone());
                root
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A scripted actor that works until a message makes it fail, and its specification.
    pub fn actor(&self, id: &str) -> (ActorRef<ScriptedActor>, ChildSpec) {
        self.scripted(id, Script::default())
    }

    /// An actor that follows a script, and its specification.
    pub fn scripted(&self, id: &str, script: Script) -> (ActorRef<ScriptedActor>, ChildSpec) {
        let actor = ActorRef::new(id);
        let (journal, live_actors) = (self.journal.clone(), self.live_actors.clone());
        let factory =
            move |starter| ScriptedActor::new(starter, &script, journal.clone(), live_actors.clone());
        let spec = ChildSpec::draining_actor(&actor, factory);
        (actor, spec)
    }

    /// The lines that the scripted actors have written.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The names of the scripted actors that are alive, once for each incarnation.
    pub fn live_actors(&self) -> Vec<String> {
        self.live_actors.names()
    }

    async fn shut_down(&self) {
        let roots = self.roots.take();
        for root in &roots {
            root.shutdown(GRACE).await;
        }
        assert_eq!(self.live_actors(), Vec::<String>::new(), "actors outlived their test");
        assert!(!self.live_actors.had_duplicates(), "two incarnations were alive at the same time");
    }
}

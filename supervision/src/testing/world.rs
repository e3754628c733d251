//! A system with a paused clock, in which no actor may outlive its test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_rt::System;

use super::{Journal, Script};
use crate::{ActorRef, ChildSpec, RootHandle, SupervisorSpec, start_root};

use super::scripted::Scripted;

/// How long, in virtual time, the trees of a world may take to stop when its test is over.
const GRACE: Duration = Duration::from_secs(60);

/// Runs a future on a fresh actix system whose clock is paused: time passes only when all actors of the test wait,
/// and then at once. All of them must share the arbiter of the test.
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

/// The surroundings of one test: trees, scripted actors and their journal.
#[derive(Clone, Default)]
pub struct World {
    journal: Journal,
    roots: Rc<RefCell<Vec<RootHandle>>>,
    alive: Census,
}

/// The scripted actors alive, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Census {
    alive: Arc<Mutex<BTreeMap<String, usize>>>,
    crowded: Arc<AtomicBool>,
}

// === impl World ===

impl World {
    /// Runs a test in virtual time; afterwards shuts its trees down.
    ///
    /// # Panics
    /// If a tree does not end, a scripted actor is still alive then, or one ever had two incarnations at once.
    pub fn run<F: Future>(test: impl FnOnce(World) -> F) -> F::Output {
        in_virtual_time(|| async {
            let world = World::default();
            let outcome = test(world.clone()).await;
            world.end().await;
            outcome
        })
    }

    /// Starts a tree.
    ///
    /// # Panics
    /// If two actors of the tree share a name.
    pub fn start(&self, spec: SupervisorSpec) -> RootHandle {
        match start_root(spec) {
            Ok(root) => {
                self.roots.borrow_mut().push(root.clone());
                root
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A scripted actor that behaves until told otherwise, and its specification.
    pub fn actor(&self, id: &str) -> (ActorRef<Scripted>, ChildSpec) {
        self.scripted(id, Script::default())
    }

    /// An actor that follows a script, and its specification.
    pub fn scripted(&self, id: &str, script: Script) -> (ActorRef<Scripted>, ChildSpec) {
        let actor = ActorRef::new(id);
        let (journal, census) = (self.journal.clone(), self.alive.clone());
        let factory = move |starter| Scripted::new(starter, &script, journal.clone(), census.clone());
        let spec = ChildSpec::draining_actor(&actor, factory);
        (actor, spec)
    }

    /// What the scripted actors have written.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Names of the scripted actors alive, once for each incarnation.
    pub fn alive(&self) -> Vec<String> {
        self.alive.names()
    }

    async fn end(&self) {
        let roots = self.roots.take();
        for root in &roots {
            root.shutdown(GRACE).await;
        }
        assert_eq!(self.alive(), Vec::<String>::new(), "actors outlived their test");
        assert!(!self.alive.crowded.load(Ordering::Relaxed), "two incarnations lived at once");
    }
}

// === impl Census ===

impl Census {
    pub(super) fn enter(&self, id: &str) {
        let mut alive = self.lock();
        let count = alive.entry(id.to_owned()).or_default();
        *count += 1;
        self.crowded.fetch_or(*count > 1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self, id: &str) {
        if let Some(count) = self.lock().get_mut(id) {
            *count -= 1;
        }
    }

    fn names(&self) -> Vec<String> {
        let alive = self.lock();
        alive.iter().flat_map(|(id, &count)| std::iter::repeat_n(id.clone(), count)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

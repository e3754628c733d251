//! State an actor shows to the world, readable without asking the actor.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// The present state of an actor. It outlives the actor's incarnations, and reading it never waits.
#[derive(Debug)]
pub struct Observable<S>(Arc<ArcSwap<S>>);

impl<S> Observable<S> {
    /// Begins with `state`.
    pub fn new(state: S) -> Self {
        Observable(Arc::new(ArcSwap::from_pointee(state)))
    }

    /// The state as last set.
    pub fn get(&self) -> Arc<S> {
        self.0.load_full()
    }

    /// Replaces the state.
    pub fn set(&self, state: S) {
        self.0.store(Arc::new(state));
    }
}

impl<S: Clone> Observable<S> {
    /// Changes the state in place of its single writer.
    pub fn update(&self, change: impl FnOnce(&mut S)) {
        let mut state = (*self.get()).clone();
        change(&mut state);
        self.set(state);
    }
}

impl<S> Clone for Observable<S> {
    fn clone(&self) -> Self {
        Observable(self.0.clone())
    }
}

impl<S: Default> Default for Observable<S> {
    fn default() -> Self {
        Observable::new(S::default())
    }
}

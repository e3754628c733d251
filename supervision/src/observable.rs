//! State that an actor publishes, readable without asking the actor.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// A value that an actor publishes and that any thread can read without a message. It outlives the
/// incarnations of the actor, and reading never blocks.
///
/// [`update`](Self::update) reads, changes and replaces the value, so it is meant for a single
/// writer: of two concurrent updates, one may be lost.
///
/// ```
/// use actix_supervisor::Observable;
///
/// let processed = Observable::new(0_u64);
/// let reader = processed.clone(); // the same value
/// processed.update(|count| *count += 1);
/// assert_eq!(*reader.get(), 1);
/// ```
#[derive(Debug)]
pub struct Observable<S>(Arc<ArcSwap<S>>);

impl<S> Observable<S> {
    /// Publishes `state`.
    pub fn new(state: S) -> Self {
        Observable(Arc::new(ArcSwap::from_pointee(state)))
    }

    /// The current state.
    pub fn get(&self) -> Arc<S> {
        self.0.load_full()
    }

    /// Replaces the state.
    pub fn set(&self, state: S) {
        self.0.store(Arc::new(state));
    }
}

impl<S: Clone> Observable<S> {
    /// Replaces the state by a changed copy. For a single writer.
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

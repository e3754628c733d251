//! How actors report events that are worth counting.
//!
//! Each module defines an event type of its own beside what produces it, such as
//! [`StoreEvent`](crate::store::StoreEvent), and its actors report to an [`Observer`] of that type.
//! The service implements the trait with Prometheus counters.
//! [`EventObserver`](crate::events::EventObserver) unites the observers of all modules.

/// Receives events. It is called from actors, so it must not block.
pub trait Observer<E>: Send + Sync + 'static {
    fn on_event(&self, event: E);
}

/// Ignores every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl<E> Observer<E> for NoObserver {
    fn on_event(&self, _: E) {}
}

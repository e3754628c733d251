//! A bounded queue with one consumer.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// Holds at most `capacity` items, whoever sends. A plain lock: it is held for a handful of instructions, and its
/// exact count of items is what the bound, the depth and the report of losses rest on.
pub(crate) struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    /// Wakes senders that wait for a slot, one for each slot.
    slots: Notify,
}

struct State<T> {
    items: VecDeque<T>,
    open: bool,
    consumer: Option<Waker>,
}

/// Why an item was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused<T> {
    /// There is no free slot; the item comes back.
    Full(T),
    /// Nothing is taken any more; the item comes back.
    Closed(T),
}

// === impl Queue ===

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), open: true, consumer: None };
        Self { capacity, state: Mutex::new(state), slots: Notify::new() }
    }

    /// Adds an item if there is a free slot.
    pub(crate) fn push(&self, item: T) -> Result<(), Refused<T>> {
        let mut state = self.lock();
        if !state.open {
            return Err(Refused::Closed(item));
        }
        if state.items.len() >= self.capacity {
            return Err(Refused::Full(item));
        }
        state.items.push_back(item);
        // A consumer that left items behind does not sleep.
        if state.items.len() == 1
            && let Some(consumer) = &state.consumer
        {
            consumer.wake_by_ref();
        }
        Ok(())
    }

    /// Adds an item as soon as there is a free slot. It comes back if the queue
    /// is closed before.
    pub(crate) async fn push_patiently(&self, mut item: T) -> Result<(), T> {
        loop {
            let mut slot = pin!(self.slots.notified());
            // Registered before the attempt, so a slot freed right after it is not missed.
            slot.as_mut().enable();
            match self.push(item) {
                Ok(()) => break,
                Err(Refused::Closed(back)) => return Err(back),
                Err(Refused::Full(back)) => item = back,
            }
            slot.await;
        }
        // The consumer announces a slot only when the queue was full; whoever got one looks out for the next.
        self.slots.notify_one();
        Ok(())
    }

    /// Takes the first item; `None` once the queue is closed and empty.
    pub(crate) fn poll_pop(&self, task: &Context<'_>) -> Poll<Option<T>> {
        let mut state = self.lock();
        let was_full = state.items.len() >= self.capacity;
        if let Some(item) = state.items.pop_front() {
            drop(state);
            if was_full {
                self.slots.notify_one();
            }
            return Poll::Ready(Some(item));
        }
        if !state.open {
            return Poll::Ready(None);
        }
        if !state.consumer.as_ref().is_some_and(|waker| waker.will_wake(task.waker())) {
            state.consumer = Some(task.waker().clone());
        }
        Poll::Pending
    }

    /// Refuses further items; those inside stay.
    pub(crate) fn close(&self) {
        self.lock().open = false;
        self.slots.notify_waiters();
    }

    /// Refuses further items and drops those inside; says how many there were.
    pub(crate) fn clear(&self) -> usize {
        self.close();
        let items = std::mem::take(&mut self.lock().items);
        items.len()
    }

    /// How many items wait.
    pub(crate) fn depth(&self) -> usize {
        self.lock().items.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code of others runs under the lock, so a poisoned one is still sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::task::noop_waker_ref;
    use tokio::task::JoinSet;

    use super::*;

    fn pop<T>(queue: &Queue<T>) -> Poll<Option<T>> {
        queue.poll_pop(&Context::from_waker(noop_waker_ref()))
    }

    #[test]
    fn items_leave_in_the_order_they_came() {
        let queue = Queue::new(3);
        for item in 1..=3 {
            assert_eq!(queue.push(item), Ok(()));
        }
        assert_eq!(queue.push(4), Err(Refused::Full(4)));
        assert_eq!([pop(&queue), pop(&queue)], [Poll::Ready(Some(1)), Poll::Ready(Some(2))]);
        assert_eq!(queue.depth(), 1);
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
        let queue = Queue::new(3);
        assert_eq!(queue.push(1), Ok(()));
        queue.close();
        assert_eq!(queue.push(2), Err(Refused::Closed(2)));
        assert_eq!([pop(&queue), pop(&queue)], [Poll::Ready(Some(1)), Poll::Ready(None)]);
    }

    #[test]
    fn clearing_counts_what_was_inside() {
        let queue = Queue::new(3);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.clear(), 1);
        assert_eq!(pop(&queue), Poll::Ready(None));
    }

    #[tokio::test]
    async fn every_patient_sender_gets_a_slot_in_time() {
        let queue = std::sync::Arc::new(Queue::new(2));
        let mut senders = JoinSet::new();
        for item in 0..50 {
            let queue = queue.clone();
            senders.spawn(async move { queue.push_patiently(item).await });
        }
        tokio::task::yield_now().await;
        let mut seen = Vec::new();
        while seen.len() < 50 {
            // Empties the queue at once, so that most pops find it not full.
            while let Poll::Ready(Some(item)) = pop(&queue) {
                seen.push(item);
            }
            tokio::task::yield_now().await;
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        assert!(senders.join_all().await.into_iter().all(|taken| taken.is_ok()));
    }

    #[tokio::test]
    async fn a_patient_sender_learns_that_the_queue_was_closed() {
        let queue = std::sync::Arc::new(Queue::new(1));
        assert_eq!(queue.push(1), Ok(()));
        let sender = tokio::spawn({
            let queue = queue.clone();
            async move { queue.push_patiently(2).await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(sender.await.unwrap(), Err(2));
    }
}

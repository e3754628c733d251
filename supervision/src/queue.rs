//! A bounded queue with one consumer.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// Holds at most `capacity` items, however many senders there are. It uses a plain lock, held for a
/// few instructions at a time, because the bound, the depth and the count of lost messages need an
/// exact number of items.
pub(crate) struct Queue<T> {
    capacity: usize,
    contents: Mutex<QueueContents<T>>,
    /// Wakes senders that wait for a slot, one for each slot.
    slots: Notify,
}

struct QueueContents<T> {
    items: VecDeque<T>,
    open: bool,
    consumer: Option<Waker>,
}

/// Why an item was not accepted; it contains the item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushError<T> {
    /// There is no free slot.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

// === impl Queue ===

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let contents = QueueContents { items: VecDeque::new(), open: true, consumer: None };
        Self { capacity, contents: Mutex::new(contents), slots: Notify::new() }
    }

    /// Adds an item if there is a free slot.
    pub(crate) fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        let mut contents = self.lock();
        if !contents.open {
            return Err(PushError::Closed(item));
        }
        if contents.items.len() >= self.capacity {
            return Err(PushError::Full(item));
        }
        contents.items.push_back(item);
        // A consumer that left items in the queue is not asleep.
        if contents.items.len() == 1
            && let Some(consumer) = &contents.consumer
        {
            consumer.wake_by_ref();
        }
        Ok(())
    }

    /// Waits for a free slot and adds an item. Returns the item if the queue is closed before.
    pub(crate) async fn push(&self, mut item: T) -> Result<(), T> {
        loop {
            let mut slot = pin!(self.slots.notified());
            // Registered before the attempt, so that a slot freed right after it is not missed.
            slot.as_mut().enable();
            match self.try_push(item) {
                Ok(()) => break,
                Err(PushError::Closed(rejected)) => return Err(rejected),
                Err(PushError::Full(rejected)) => item = rejected,
            }
            slot.await;
        }
        // The consumer announces a slot only when the queue was full; a sender that got one wakes
        // the next sender.
        self.slots.notify_one();
        Ok(())
    }

    /// Takes the first item; `None` once the queue is closed and empty.
    pub(crate) fn poll_pop(&self, task: &Context<'_>) -> Poll<Option<T>> {
        let mut contents = self.lock();
        let was_full = contents.items.len() >= self.capacity;
        if let Some(item) = contents.items.pop_front() {
            drop(contents);
            if was_full {
                self.slots.notify_one();
            }
            return Poll::Ready(Some(item));
        }
        if !contents.open {
            return Poll::Ready(None);
        }
        if !contents.consumer.as_ref().is_some_and(|waker| waker.will_wake(task.waker())) {
            contents.consumer = Some(task.waker().clone());
        }
        Poll::Pending
    }

    /// Rejects further items; those in the queue stay.
    pub(crate) fn close(&self) {
        self.lock().open = false;
        self.slots.notify_waiters();
    }

    /// Rejects further items and drops those in the queue; returns how many there were.
    pub(crate) fn clear(&self) -> usize {
        self.close();
        let items = std::mem::take(&mut self.lock().items);
        items.len()
    }

    /// The number of waiting items.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    fn lock(&self) -> MutexGuard<'_, QueueContents<T>> {
        // No foreign code runs under the lock, so the contents of a poisoned lock are still
        // consistent.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn items_leave_in_the_order_in_which_they_arrived() {
        let queue = Queue::new(3);
        for item in 1..=3 {
            assert_eq!(queue.try_push(item), Ok(()));
        }
        assert_eq!(queue.try_push(4), Err(PushError::Full(4)));
        assert_eq!([pop(&queue), pop(&queue)], [Poll::Ready(Some(1)), Poll::Ready(Some(2))]);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_closed_queue_returns_its_items_and_accepts_no_more() {
        let queue = Queue::new(3);
        assert_eq!(queue.try_push(1), Ok(()));
        queue.close();
        assert_eq!(queue.try_push(2), Err(PushError::Closed(2)));
        assert_eq!([pop(&queue), pop(&queue)], [Poll::Ready(Some(1)), Poll::Ready(None)]);
    }

    #[test]
    fn clearing_counts_the_items() {
        let queue = Queue::new(3);
        assert_eq!(queue.try_push(1), Ok(()));
        assert_eq!(queue.clear(), 1);
        assert_eq!(pop(&queue), Poll::Ready(None));
    }

    #[tokio::test]
    async fn every_waiting_sender_gets_a_slot() {
        let queue = std::sync::Arc::new(Queue::new(2));
        let mut senders = JoinSet::new();
        for item in 0..50 {
            let queue = queue.clone();
            senders.spawn(async move { queue.push(item).await });
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
        assert!(senders.join_all().await.into_iter().all(|pushed| pushed.is_ok()));
    }

    #[tokio::test]
    async fn a_waiting_sender_gets_its_item_back_when_the_queue_is_closed() {
        let queue = std::sync::Arc::new(Queue::new(1));
        assert_eq!(queue.try_push(1), Ok(()));
        let sender = tokio::spawn({
            let queue = queue.clone();
            async move { queue.push(2).await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(sender.await.unwrap(), Err(2));
    }
}

//! Waiting for a reply, up to a time limit.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::CallError;

/// The reply to a message, or why there is none.
///
/// Most replies arrive within one turn of the scheduler, so the timer is armed only after the first
/// turn: a timer for each call would cost as much as the call.
pub(crate) struct Reply<R> {
    receiver: oneshot::Receiver<R>,
    limit: Duration,
    timer: Timer,
}

enum Timer {
    NotPolled,
    PolledOnce,
    Armed(Pin<Box<Sleep>>),
}

// === impl Reply ===

impl<R> Reply<R> {
    pub(crate) fn new(receiver: oneshot::Receiver<R>, limit: Duration) -> Self {
        Self { receiver, limit, timer: Timer::NotPolled }
    }
}

impl<R> Future for Reply<R> {
    type Output = Result<R, CallError>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Poll::Ready(reply) = Pin::new(&mut this.receiver).poll(task) {
            return Poll::Ready(reply.map_err(|_| CallError::Died));
        }
        match &mut this.timer {
            Timer::NotPolled => {
                this.timer = Timer::PolledOnce;
                task.waker().wake_by_ref();
                Poll::Pending
            }
            Timer::PolledOnce => {
                let mut sleep = Box::pin(sleep(this.limit));
                let timed_out = sleep.as_mut().poll(task);
                this.timer = Timer::Armed(sleep);
                timed_out.map(|()| Err(CallError::TimedOut))
            }
            Timer::Armed(sleep) => sleep.as_mut().poll(task).map(|()| Err(CallError::TimedOut)),
        }
    }
}

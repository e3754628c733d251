//! Waiting for an answer, but not for ever.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::CallError;

/// The answer to a message, or why there is none.
///
/// Most answers come within one turn of the scheduler, so the timer is set only after the first turn: a timer for
/// each call would cost as much as the call.
pub(crate) struct Answer<R> {
    reply: oneshot::Receiver<R>,
    limit: Duration,
    patience: Patience,
}

enum Patience {
    Fresh,
    OneTurn,
    Timed(Pin<Box<Sleep>>),
}

// === impl Answer ===

impl<R> Answer<R> {
    pub(crate) fn new(reply: oneshot::Receiver<R>, limit: Duration) -> Self {
        Self { reply, limit, patience: Patience::Fresh }
    }
}

impl<R> Future for Answer<R> {
    type Output = Result<R, CallError>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Poll::Ready(answer) = Pin::new(&mut this.reply).poll(task) {
            return Poll::Ready(answer.map_err(|_| CallError::Died));
        }
        match &mut this.patience {
            Patience::Fresh => {
                this.patience = Patience::OneTurn;
                task.waker().wake_by_ref();
                Poll::Pending
            }
            Patience::OneTurn => {
                let mut timer = Box::pin(sleep(this.limit));
                let timed_out = timer.as_mut().poll(task);
                this.patience = Patience::Timed(timer);
                timed_out.map(|()| Err(CallError::TimedOut))
            }
            Patience::Timed(timer) => timer.as_mut().poll(task).map(|()| Err(CallError::TimedOut)),
        }
    }
}

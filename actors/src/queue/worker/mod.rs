//! The actor that processes backfill jobs, one at a time.

use std::sync::Arc;

use actix::prelude::*;
use tracing::Instrument;

use super::job_processor::QUEUE_ERROR_PAUSE;
use super::{JobProcessor, JobQueue};

/// Receives messages and processes them. It has no state: when it dies, its delivery is dropped
/// unsettled and delivered again.
pub struct BackfillWorker {
    queue: Arc<dyn JobQueue>,
    processor: JobProcessor,
}

impl BackfillWorker {
    /// A worker that begins to receive when it starts.
    pub fn new(queue: Arc<dyn JobQueue>, processor: JobProcessor) -> Self {
        BackfillWorker { queue, processor }
    }

    fn receive_next(&mut self, ctx: &mut Context<Self>) {
        let (queue, processor) = (self.queue.clone(), self.processor.clone());
        let work = async move {
            match queue.receive().await {
                Ok(delivery) => {
                    let span = delivery.span();
                    processor.process(delivery).instrument(span).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "no backfill job can be received; trying again");
                    tokio::time::sleep(QUEUE_ERROR_PAUSE).await;
                }
            }
        };
        ctx.spawn(work.into_actor(self).map(|(), actor, ctx| actor.receive_next(ctx)));
    }
}

impl Actor for BackfillWorker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.receive_next(ctx);
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;

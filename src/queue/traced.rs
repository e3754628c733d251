//! A decorator that propagates traces: work on a job continues the trace in which it was enqueued.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use github_stats_actors::queue::{
    Delivery, Job, JobQueue, QueueError, QueueMessage, QueueStatus, Settlement, TraceContext,
};
use github_stats_actors::spans;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Adds the current trace context to a job that is published for the first time. The job keeps it
/// through all retries.
pub struct TracedQueue {
    queue: Arc<dyn JobQueue>,
}

impl TracedQueue {
    pub fn new(queue: Arc<dyn JobQueue>) -> Self {
        TracedQueue { queue }
    }
}

#[async_trait]
impl JobQueue for TracedQueue {
    async fn publish(&self, mut job: Job, delay: Duration) -> Result<(), QueueError> {
        let span = tracing::info_span!(
            "backfill.publish",
            otel.kind = "producer",
            org = %job.org,
            repo = %job.repo,
            job_id = job.job_id,
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        job.trace = job.trace.take().or_else(|| context_of(&span));
        let published = self.queue.publish(job, delay).instrument(span.clone()).await;
        if let Err(error) = &published {
            spans::fail(&span, error);
        }
        published
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, QueueError> {
        let delivery = self.queue.receive().await?;
        Ok(Box::new(TracedDelivery { delivery }))
    }

    async fn forget(&self, dead_letter_id: &str) -> Result<(), QueueError> {
        self.queue.forget(dead_letter_id).await
    }

    fn status(&self) -> QueueStatus {
        self.queue.status()
    }
}

struct TracedDelivery {
    delivery: Box<dyn Delivery>,
}

#[async_trait]
impl Delivery for TracedDelivery {
    fn message(&self) -> &QueueMessage {
        self.delivery.message()
    }

    fn span(&self) -> Span {
        let QueueMessage::Job(job) = self.message() else { return Span::none() };
        let span = tracing::info_span!(
            parent: None,
            "backfill.job",
            otel.kind = "consumer",
            org = %job.org,
            repo = %job.repo,
            job_id = job.job_id,
            reason = job.reason.as_str(),
            attempt = job.attempt,
            result = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        if let Some(trace) = &job.trace {
            continue_in(&span, trace);
        }
        span
    }

    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), QueueError> {
        self.delivery.settle(settlement).await
    }
}

/// The context for child spans of this span in other processes; `None` if tracing is off.
fn context_of(span: &Span) -> Option<Box<TraceContext>> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    let parent = headers.remove(PARENT)?;
    Some(Box::new(TraceContext { parent, state: headers.remove(STATE).unwrap_or_default() }))
}

/// Makes a span that has not been entered yet part of a trace. An invalid trace context is ignored.
fn continue_in(span: &Span, trace: &TraceContext) {
    let headers: HashMap<String, String> = [(PARENT, &trace.parent), (STATE, &trace.state)]
        .map(|(name, value)| (name.into(), value.clone()))
        .into();
    let remote = TraceContextPropagator::new().extract(&headers);
    if span.set_parent(remote).is_err() {
        tracing::trace!("this job is not traced");
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::queue::MemoryQueue;
    use opentelemetry::trace::{TraceContextExt, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::queue::testing::job;

    fn tracing_on() -> tracing::subscriber::DefaultGuard {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
    }

    fn trace_of(span: &Span) -> String {
        span.context().span().span_context().trace_id().to_string()
    }

    async fn received(queue: &TracedQueue) -> (Job, Box<dyn Delivery>) {
        let delivery = queue.receive().await.expect("a delivery");
        let QueueMessage::Job(job) = delivery.message() else { panic!("no job") };
        ((**job).clone(), delivery)
    }

    #[tokio::test]
    async fn work_on_a_job_and_its_retries_continues_the_trace_it_was_enqueued_in() {
        let _tracing = tracing_on();
        let queue = TracedQueue::new(Arc::new(MemoryQueue::new()));
        let scrape = tracing::info_span!("scrape");
        queue.publish(job(), Duration::ZERO).instrument(scrape.clone()).await.expect("published");
        let (first, delivery) = received(&queue).await;
        assert_eq!(trace_of(&delivery.span()), trace_of(&scrape));
        let again = Settlement::Again { job: first.clone(), delay: Duration::ZERO };
        delivery.settle(again).await.expect("settled");
        let (second, delivery) = received(&queue).await;
        assert_eq!((second.trace, trace_of(&delivery.span())), (first.trace, trace_of(&scrape)));
    }

    #[tokio::test]
    async fn a_job_without_a_trace_or_with_an_invalid_one_is_delivered() {
        let queue = TracedQueue::new(Arc::new(MemoryQueue::new()));
        queue.publish(job(), Duration::ZERO).await.expect("published");
        let (untraced, delivery) = received(&queue).await;
        assert_eq!(untraced.trace, None);
        delivery.settle(Settlement::Done).await.expect("settled");
        let _tracing = tracing_on();
        let invalid = TraceContext { parent: "00-zz-zz-01".into(), state: "=".into() };
        queue
            .publish(Job { trace: Some(Box::new(invalid)), ..job() }, Duration::ZERO)
            .await
            .expect("published");
        let (_, delivery) = received(&queue).await;
        assert_ne!(trace_of(&delivery.span()), "0".repeat(32), "it has a trace of its own");
    }
}

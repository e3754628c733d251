//! Exports only the traces in which a span failed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, Status, TraceContextExt, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::time::Instant;

/// The greatest number of spans held until their traces end.
const SPANS: usize = 10_000;
/// The greatest number of traces that are remembered.
const TRACES: usize = 2_000;
/// How long a trace is remembered; if it fails later, only its later spans are exported.
const AGE: Duration = Duration::from_secs(15 * 60);

/// Holds the ended spans of a trace until one fails: then these and all later ones are exported,
/// otherwise none. A replica knows only its own part of a trace.
#[derive(Debug)]
pub(super) struct ErrorsOnly<P> {
    next: P,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    traces: HashMap<TraceId, Trace>,
    /// The traces in the order they began.
    order: BTreeMap<u64, TraceId>,
    sequence: u64,
    spans: usize,
}

#[derive(Debug)]
struct Trace {
    number: u64,
    began: Instant,
    /// Spans without a parent in this process that have not ended.
    roots: usize,
    failed: bool,
    spans: Vec<SpanData>,
}

impl<P> ErrorsOnly<P> {
    pub(super) fn new(next: P) -> Self {
        ErrorsOnly { next, held: Mutex::default() }
    }

    /// Every change is whole before anything can panic.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: SpanProcessor> SpanProcessor for ErrorsOnly<P> {
    fn on_start(&self, span: &mut Span, within: &Context) {
        let is_root = {
            let parent = within.span();
            !parent.span_context().is_valid() || parent.span_context().is_remote()
        };
        if is_root {
            self.held().begun(span.span_context().trace_id());
        }
        self.next.on_start(span, within);
    }

    fn on_end(&self, span: SpanData) {
        let released = self.held().ended(span);
        released.into_iter().for_each(|span| self.next.on_end(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

impl Held {
    fn begun(&mut self, id: TraceId) {
        self.trace(id).roots += 1;
    }

    /// The spans to export now.
    fn ended(&mut self, span: SpanData) -> Vec<SpanData> {
        let id = span.span_context.trace_id();
        let is_root =
            span.parent_span_id == opentelemetry::trace::SpanId::INVALID || span.parent_span_is_remote;
        let failed = matches!(span.status, Status::Error { .. });
        let trace = self.trace(id);
        trace.roots = trace.roots.saturating_sub(usize::from(is_root));
        trace.failed |= failed;
        trace.spans.push(span);
        let is_over = trace.roots == 0 && is_root && !trace.failed;
        let released = if trace.failed { std::mem::take(&mut trace.spans) } else { Vec::new() };
        self.spans = (self.spans + 1).saturating_sub(released.len());
        if is_over {
            self.forget(id);
        }
        self.evict();
        released
    }

    fn trace(&mut self, id: TraceId) -> &mut Trace {
        self.traces.entry(id).or_insert_with(|| {
            self.sequence += 1;
            self.order.insert(self.sequence, id);
            Trace { number: self.sequence, began: Instant::now(), roots: 0, failed: false, spans: Vec::new() }
        })
    }

    fn forget(&mut self, id: TraceId) {
        if let Some(trace) = self.traces.remove(&id) {
            self.order.remove(&trace.number);
            self.spans -= trace.spans.len();
        }
    }

    /// Evicts the oldest traces first: they had the most time to fail.
    fn evict(&mut self) {
        while let Some(oldest) = self.order.values().next().copied() {
            let is_old = self.traces.get(&oldest).is_none_or(|trace| trace.began.elapsed() >= AGE);
            if !is_old && self.spans <= SPANS && self.traces.len() <= TRACES {
                return;
            }
            self.forget(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry::trace::{SpanBuilder, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

    use super::*;

    /// Records the names of the exported spans.
    #[derive(Clone, Debug, Default)]
    struct Exported(Arc<Mutex<Vec<String>>>);

    impl SpanProcessor for Exported {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span.name.into_owned());
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    impl Exported {
        fn names(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    fn tracer() -> (SdkTracer, Exported) {
        let exported = Exported::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_span_processor(ErrorsOnly::new(exported.clone()))
            .build();
        (provider.tracer("test"), exported)
    }

    fn child(tracer: &SdkTracer, name: &'static str, of: &Context) -> Context {
        of.with_span(SpanBuilder::from_name(name).start_with_context(tracer, of))
    }

    fn fail(context: &Context) {
        context.span().set_status(Status::error("no"));
        context.span().end();
    }

    #[test]
    fn a_trace_is_exported_as_soon_as_a_span_fails() {
        let (tracer, exported) = tracer();
        let root = Context::new()
            .with_span(tracer.build_with_context(SpanBuilder::from_name("root"), &Context::new()));
        child(&tracer, "good", &root).span().end();
        assert_eq!(exported.names(), [""; 0]);
        fail(&child(&tracer, "bad", &root));
        child(&tracer, "later", &root).span().end();
        root.span().end();
        assert_eq!(exported.names(), ["good", "bad", "later", "root"]);
    }

    #[test]
    fn a_trace_without_failure_is_forgotten_when_it_ends() {
        let (tracer, exported) = tracer();
        let root = child(&tracer, "root", &Context::new());
        child(&tracer, "good", &root).span().end();
        root.span().end();
        fail(&child(&tracer, "another", &Context::new()));
        assert_eq!(exported.names(), ["another"]);
    }

    #[test]
    fn held_spans_and_traces_are_bounded() {
        let mut held = Held::default();
        for id in 0..3 * TRACES as u128 {
            held.begun(TraceId::from(id + 1));
            held.evict();
        }
        assert_eq!((held.traces.len(), held.order.len(), held.spans), (TRACES, TRACES, 0));
        let (tracer, exported) = tracer();
        let root = child(&tracer, "root", &Context::new());
        (0..SPANS + 1).for_each(|_| child(&tracer, "good", &root).span().end());
        fail(&child(&tracer, "bad", &root));
        assert_eq!(exported.names(), ["bad"], "earlier spans were evicted");
    }
}

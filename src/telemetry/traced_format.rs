//! Log lines with the id of their trace.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Digits of a trace id that are enough on a terminal.
const SHORT: usize = 8;

/// The lines of another format, with the trace id if the trace is exported.
pub(super) struct TracedFormat<F> {
    format: F,
    is_json: bool,
}

impl<F> TracedFormat<F> {
    /// For lines that are JSON objects: adds `trace_id` and `span_id`.
    pub(super) fn json(format: F) -> Self {
        TracedFormat { format, is_json: true }
    }

    /// For lines of text: adds the beginning of the trace id.
    pub(super) fn text(format: F) -> Self {
        TracedFormat { format, is_json: false }
    }

    fn traced(&self, line: &str, span: &SpanContext, mut writer: Writer<'_>) -> fmt::Result {
        let (trace, span) = (span.trace_id().to_string(), span.span_id());
        let line = line.trim_end_matches('\n');
        match line.strip_suffix('}').filter(|_| self.is_json) {
            Some(object) => writeln!(writer, "{object},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}"),
            None => writeln!(writer, "{line} trace={}", &trace[..SHORT]),
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for TracedFormat<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = Context::map_current(|current| current.span().span_context().clone());
        if !span.is_valid() || !span.is_sampled() {
            return self.format.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        self.traced(&line, &span, writer.by_ref())
    }
}

//! Spans of work, and how one says that its work failed.
//!
//! What becomes of them is decided by whoever listens: without a listener they cost next to nothing. A message to an actor
//! carries the span of its sender, and its handler runs in it; a handler that answers with a future takes the span along by
//! [`Instrument`](tracing::Instrument).

use std::fmt::Display;

use tracing::Span;

/// This span where somebody traces what is being done now, else none: upkeep that nobody asked for makes no traces.
pub fn within_trace(make: impl FnOnce() -> Span) -> Span {
    if Span::current().is_none() { Span::none() } else { make() }
}

/// Marks a span as failed, and says why. The span must have the fields `otel.status_code` and `otel.status_description`.
pub fn fail(span: &Span, why: impl Display) {
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", tracing::field::display(why));
}

//! Helpers for tracing spans.
//!
//! A message to an actor carries the span of its sender, and its handler runs in it; a handler that
//! answers with a future takes the span along with [`Instrument`](tracing::Instrument). Without a
//! subscriber spans cost next to nothing.

use std::fmt::Display;

use tracing::Span;

/// The span that `make` gives if the current work is being traced, otherwise none: background tasks
/// that belong to no trace do not start traces of their own.
pub fn within_trace(make: impl FnOnce() -> Span) -> Span {
    if Span::current().is_none() { Span::none() } else { make() }
}

/// Marks a span as failed for the reason `why`. The span must have been created with the fields
/// `otel.status_code` and `otel.status_description`.
pub fn fail(span: &Span, why: impl Display) {
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", tracing::field::display(why));
}

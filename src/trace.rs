//! One trace of all that an operation leads to: its jobs, their steps and every variant, in whichever process they run.
//!
//! Spans of `TARGET` are for OpenTelemetry; no line of the log shows them. Where nobody collects them they cost nothing.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What spans are told apart from the log's by.
pub const TARGET: &str = "darkroom::trace";
/// The header of W3C's Trace Context that names the span which a request belongs to.
pub const TRACEPARENT: &str = "traceparent";

/// Names the current span, as `traceparent` does, where there is one that is collected.
pub fn current() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Has a span belong to one that began elsewhere. What cannot be read is left out: the span begins a trace of its own.
pub fn continue_from(span: &Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent.filter(|_| !span.is_disabled()) else { return };
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    // Fails only where nobody collects.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}

/// Notes that what a span of `step!` stands for went wrong.
pub fn failed(span: &Span, why: &str) {
    span.record("otel.status_code", "ERROR").record("otel.status_description", why);
}

/// A span that collectors see, with its name and its attributes.
macro_rules! step {
    ($name:expr $(, $($fields:tt)*)?) => {
        tracing::info_span!(
            target: $crate::trace::TARGET,
            "step",
            otel.name = $name,
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty
            $(, $($fields)*)?
        )
    };
}
pub(crate) use step;

//! Which trace does a call belong to, and which ones does a decision come from? As W3C's trace context says it.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use sha2::{Digest as _, Sha256};
use tonic::codegen::http::HeaderMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header's name.
const HEADER: &str = "traceparent";

/// What is hashed before host and grant; agents do the same.
const ATTEMPT: &[u8] = b"tidegate attempt 1\n";

/// Has `span` go on with the caller's trace, if the headers name one. What cannot be read is left alone.
pub fn go_on(span: &Span, headers: &HeaderMap) {
    let text = headers.get(HEADER).and_then(|value| value.to_str().ok());
    if let Some(caller) = text.and_then(parse) {
        // Where no traces are sent, there is none to go on with.
        let _without_traces = span.set_parent(Context::new().with_remote_span_context(caller));
    }
}

/// Has `span` name the attempt that it comes from: that of `host`, `hosts/{host}`, with this grant.
pub fn comes_from(span: &Span, host: &str, grant: u64) {
    span.add_link(attempt(host, grant));
}

/// The span of an attempt, as its agent names it: trace and span are a hash of host and grant.
fn attempt(host: &str, grant: u64) -> SpanContext {
    let mut hasher = Sha256::new_with_prefix(ATTEMPT);
    hasher.update(grant.to_be_bytes());
    hasher.update(host.as_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    for (to, from) in trace.iter_mut().chain(&mut span).zip(hash) {
        *to = from;
    }
    let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
    SpanContext::new(trace, span, TraceFlags::default(), true, TraceState::default())
}

/// What a header of version 00 says.
fn parse(text: &str) -> Option<SpanContext> {
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { return None };
    let lengths = [version.len(), trace.len(), span.len(), flags.len()];
    if lengths != [2, 32, 16, 2] || *version != "00" || !parts.iter().all(|part| is_hex(part)) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn an_attempt_has_the_trace_that_its_agent_names() {
        let attempt = attempt("hosts/00000000000000ff", 7);
        assert_eq!(attempt.trace_id().to_string(), "b04edf0fb4dfd5752926d2a078704dcd");
        assert_eq!(attempt.span_id().to_string(), "035d7da3ad955535");
    }

    #[test]
    fn a_header_is_read_as_the_w3c_wrote_it_and_nothing_else_is() {
        let context = parse(GOOD).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert!(context.is_sampled() && context.is_remote());
        assert!(!parse(&GOOD.replace("-01", "-00")).unwrap().is_sampled());
        let bad = [
            String::new(),
            GOOD.to_uppercase(),
            GOOD.replace("00-0a", "ff-0a"),
            format!("{GOOD}-00"),
            format!("{GOOD}0"),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace('b', "+"),
        ];
        for text in bad {
            assert!(parse(&text).is_none(), "{text}");
        }
    }
}

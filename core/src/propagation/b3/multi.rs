//! Several headers: both ids, and the decision.

use core::str;

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::b3::{remote, without_ids};
use crate::propagation::candidate::Single;
use crate::propagation::carrier::{CarrierFull, TextMapWriter};
use crate::propagation::error::ExtractError;
use crate::propagation::hex;
use crate::propagation::jaeger::ParseContextError;
use crate::propagation::name::is_name;

const TRACE: &str = "x-b3-traceid";
const SPAN: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

/// The findings in the headers so far. A parent is not read, since nothing needs it.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    trace: Single<TraceId>,
    span: Single<SpanId>,
    /// Values that are unknown, or contradict each other, decide nothing.
    sampled: Single<Flags>,
    is_debug: bool,
}

impl Fields {
    pub(super) const NONE: Self = Fields {
        trace: Single::NONE,
        span: Single::NONE,
        sampled: Single::NONE,
        is_debug: false,
    };

    /// Takes a header, if it is one of these.
    #[inline]
    pub(super) fn visit(&mut self, key: &str, value: &[u8]) -> bool {
        if is_name(key, TRACE) {
            self.trace.take_joined(value, id(hex::trace_id));
        } else if is_name(key, SPAN) {
            self.span.take_joined(value, id(hex::span_id));
        } else if is_name(key, SAMPLED) {
            self.sampled.take_joined(value, id(decision));
        } else if is_name(key, FLAGS) {
            self.is_debug |= value
                .split(|byte| *byte == b',')
                .any(|value| value.trim_ascii() == b"1");
        } else {
            return false;
        }
        true
    }

    pub(super) fn context(&self) -> Result<Option<SpanContext>, ExtractError> {
        let decision = match self.is_debug {
            true => Some(Flags::SAMPLED | Flags::DEBUG),
            false => self.sampled.get().ok().flatten().copied(),
        };
        let (trace, span) = match (self.trace.get()?, self.span.get()?) {
            (Some(trace), Some(span)) => (*trace, *span),
            (None, None) => return Ok(decision.map(without_ids)),
            _ => return Err(ExtractError::Malformed(ParseContextError::B3)),
        };
        let context = SpanContext::new(trace, span, remote(decision));
        match (context.is_valid(), trace.is_zero() && span.is_zero()) {
            (true, _) => Ok(Some(context)),
            (_, true) => Ok(decision.map(without_ids)),
            _ => Err(ExtractError::Malformed(ParseContextError::ZeroId)),
        }
    }
}

/// Returns a reader whose error names the format.
fn id<T>(read: impl Fn(&[u8]) -> Option<T>) -> impl Fn(&[u8]) -> Result<T, ParseContextError> {
    move |text| read(text).ok_or(ParseContextError::B3)
}

/// Reads the decision; older tracers write words.
fn decision(text: &[u8]) -> Option<Flags> {
    match text {
        b"1" => Some(Flags::SAMPLED),
        b"0" => Some(Flags::NONE),
        b"d" => Some(Flags::SAMPLED | Flags::DEBUG),
        word if word.eq_ignore_ascii_case(b"true") => Some(Flags::SAMPLED),
        word if word.eq_ignore_ascii_case(b"false") => Some(Flags::NONE),
        _ => None,
    }
}

/// Writes the headers of a valid context: both ids, and either the flags or the decision.
pub(in crate::propagation) fn inject<C: TextMapWriter + ?Sized>(
    context: &SpanContext,
    carrier: &mut C,
) -> Result<(), CarrierFull> {
    let (trace, flags) = (context.trace_id(), context.flags());
    let mut text = [0; 32];
    text[..16].copy_from_slice(&hex::digits(trace.high()));
    text[16..].copy_from_slice(&hex::digits(trace.low()));
    let text = text.get(if trace.high() == 0 { 16 } else { 0 }..);
    carrier.set(
        TRACE,
        str::from_utf8(text.unwrap_or_default()).unwrap_or_default(),
    )?;
    let span = hex::digits(context.span_id().get());
    carrier.set(SPAN, str::from_utf8(&span).unwrap_or_default())?;
    if flags.contains(Flags::SAMPLED | Flags::DEBUG) {
        return carrier.set(FLAGS, "1");
    }
    match flags.contains(Flags::DEFERRED) {
        true => Ok(()),
        false => carrier.set(
            SAMPLED,
            if flags.contains(Flags::SAMPLED) {
                "1"
            } else {
                "0"
            },
        ),
    }
}

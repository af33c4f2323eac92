//! The single header: `{trace}-{span}[-{decision}[-{parent}]]`, or a decision alone.

use core::str;

use crate::context::{Flags, SpanContext};
use crate::propagation::b3::{remote, without_ids};
use crate::propagation::carrier::{CarrierFull, TextMapWriter};
use crate::propagation::hex;
use crate::propagation::jaeger::ParseContextError;

pub(in crate::propagation) const NAME: &str = "b3";

/// Bytes with a trace id of 128 bits.
const LEN: usize = 51;

pub(super) fn parse(text: &[u8]) -> Result<SpanContext, ParseContextError> {
    read(text).ok_or(ParseContextError::B3)
}

fn read(text: &[u8]) -> Option<SpanContext> {
    if let Some(decision) = decision(text) {
        return Some(without_ids(decision));
    }
    let (trace, rest) = hex::split_trace_id(text)?;
    let (span, rest) = hex::split_span_id(rest.strip_prefix(b"-")?)?;
    let decision = match rest {
        [] => None,
        _ => Some(decided(rest.strip_prefix(b"-")?)?),
    };
    let context = SpanContext::new(trace, span, remote(decision));
    context.is_valid().then_some(context)
}

/// Reads the decision, and the parent that may follow.
fn decided(text: &[u8]) -> Option<Flags> {
    let (first, rest) = text.split_at_checked(1)?;
    if !rest.is_empty() {
        hex::span_id(rest.strip_prefix(b"-")?)?;
    }
    decision(first)
}

fn decision(text: &[u8]) -> Option<Flags> {
    match text {
        b"0" => Some(Flags::NONE),
        b"1" => Some(Flags::SAMPLED),
        b"d" => Some(Flags::SAMPLED | Flags::DEBUG),
        _ => None,
    }
}

/// Writes the header of a valid context; without a parent, which no receiver needs.
pub(in crate::propagation) fn inject<C: TextMapWriter + ?Sized>(
    context: &SpanContext,
    carrier: &mut C,
) -> Result<(), CarrierFull> {
    let mut text = [b'-'; LEN];
    let (trace, flags) = (context.trace_id(), context.flags());
    text[..16].copy_from_slice(&hex::digits(trace.high()));
    text[16..32].copy_from_slice(&hex::digits(trace.low()));
    text[33..49].copy_from_slice(&hex::digits(context.span_id().get()));
    text[50] = if flags.contains(Flags::SAMPLED | Flags::DEBUG) {
        b'd'
    } else {
        b'0' + u8::from(flags.contains(Flags::SAMPLED))
    };
    let start = if trace.high() == 0 { 16 } else { 0 };
    let end = if flags.contains(Flags::DEFERRED) {
        49
    } else {
        LEN
    };
    let text = text.get(start..end).unwrap_or_default();
    carrier.set(NAME, str::from_utf8(text).unwrap_or_default())
}

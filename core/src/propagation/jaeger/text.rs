//! The text form of a context: `{trace}:{span}:{parent}:{flags}` in hex.
//!
//! Source: Jaeger's client documentation, "Propagation format".

use core::error::Error;
use core::fmt;
use core::str::{self, FromStr};

use crate::context::{Flags, SpanContext};
use crate::debug::debug_as_display;
use crate::propagation::hex;

/// The error of a text that is no context: its first wrong field, or the form that it should have.
///
/// ```
/// use picojaeger_core::{ParseContextError, SpanContext};
///
/// assert_eq!("1:2:0".parse::<SpanContext>(), Err(ParseContextError::ParentId));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseContextError {
    /// The trace id is not 1 to 32 hex digits and a colon.
    TraceId,
    /// The span id is not 1 to 16 hex digits and a colon.
    SpanId,
    /// The parent id is not 1 to 16 hex digits and a colon.
    ParentId,
    /// The flags are not 1 or 2 hex digits at the end.
    Flags,
    /// The trace id or the span id is zero.
    ZeroId,
    /// A `traceparent` is not of the W3C's form.
    Traceparent,
    /// The B3 headers are not of their form, or lack one of both ids.
    B3,
    /// The bytes are fewer than the form has, or of an unknown version.
    Binary,
}

impl SpanContext {
    /// The most bytes that [`SpanContext::write_text`] writes.
    pub const TEXT_LEN: usize = 53;

    /// Writes `{trace}:{span}:0:{flags}` in lower-case hex, the form that inject writes and
    /// [`str::parse`] reads: 37 bytes, or 53 with a 128-bit trace id.
    ///
    /// A Go peer reads the flags as decimal, so it rejects debug and firehose together (`a`, `b`).
    ///
    /// ```
    /// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
    ///
    /// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
    /// let mut buffer = [0; SpanContext::TEXT_LEN];
    /// assert_eq!(
    ///     context.write_text(&mut buffer),
    ///     "0000000000000001:0000000000000002:0:1"
    /// );
    /// ```
    pub fn write_text<'b>(&self, buffer: &'b mut [u8; Self::TEXT_LEN]) -> &'b str {
        let (trace, is_wide) = (self.trace, self.trace.high() != 0);
        buffer[..16].copy_from_slice(&hex::digits(trace.high()));
        buffer[16..32].copy_from_slice(&hex::digits(trace.low()));
        buffer[33..49].copy_from_slice(&hex::digits(self.span.get()));
        (buffer[32], buffer[49], buffer[50], buffer[51]) = (b':', b':', b'0', b':');
        buffer[52] = hex::digit(self.flags.wire());
        let text = buffer.get(if is_wide { 0 } else { 16 }..);
        str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

/// Writes the text form, as [`SpanContext::write_text`] does.
impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write_text(&mut [0; SpanContext::TEXT_LEN]))
    }
}

/// Reads the text form; the context counts as [`Flags::REMOTE`].
///
/// Strict: hex of either case, no spaces, ids not zero; flag bits that Jaeger
/// does not know are cleared.
impl FromStr for SpanContext {
    type Err = ParseContextError;

    fn from_str(text: &str) -> Result<Self, ParseContextError> {
        parse(text.as_bytes(), false)
    }
}

impl fmt::Display for ParseContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseContextError::TraceId => "trace id must be 1 to 32 hex digits, then a colon",
            ParseContextError::SpanId => "span id must be 1 to 16 hex digits, then a colon",
            ParseContextError::ParentId => "parent id must be 1 to 16 hex digits, then a colon",
            ParseContextError::Flags => "flags must be 1 or 2 hex digits, and the last field",
            ParseContextError::ZeroId => "trace id and span id must not be zero",
            ParseContextError::Traceparent => {
                "it must be the version, 32, 16 and 2 lower-case hex digits, with hyphens between"
            }
            ParseContextError::B3 => "it must have a trace id and a span id of hex digits",
            ParseContextError::Binary => "it must have all bytes of its form and version",
        })
    }
}

impl Error for ParseContextError {}

debug_as_display!(ParseContextError);

/// Reads the text form; with `encoded`, a colon may also be `%3A`.
pub(super) fn parse(text: &[u8], encoded: bool) -> Result<SpanContext, ParseContextError> {
    let trace = hex::split_trace_id(text).and_then(|field| ended(field, encoded));
    let (trace, text) = trace.ok_or(ParseContextError::TraceId)?;
    let span = hex::split_span_id(text).and_then(|field| ended(field, encoded));
    let (span, text) = span.ok_or(ParseContextError::SpanId)?;
    let parent = hex::split_span_id(text).and_then(|field| ended(field, encoded));
    let (_, text) = parent.ok_or(ParseContextError::ParentId)?;
    let flags = hex::byte(text).ok_or(ParseContextError::Flags)?;
    if trace.is_zero() || span.is_zero() {
        return Err(ParseContextError::ZeroId);
    }
    let flags = Flags::from_wire(flags) | Flags::REMOTE;
    Ok(SpanContext::new(trace, span, flags))
}

/// Returns a field and what follows the colon behind it.
#[inline]
fn ended<T>((field, rest): (T, &[u8]), encoded: bool) -> Option<(T, &[u8])> {
    match rest {
        [b':', rest @ ..] => Some((field, rest)),
        [b'%', b'3', b'A' | b'a', rest @ ..] if encoded => Some((field, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::id::{SpanId, TraceId};

    fn context(high: u64, low: u64, span: u64, flags: u8) -> SpanContext {
        SpanContext::new(
            TraceId::from_parts(high, low),
            SpanId::new(span),
            Flags::from_wire(flags) | Flags::REMOTE,
        )
    }

    #[test]
    fn reads_the_forms_of_all_clients() {
        for (text, expected) in [
            // Python and Node strip zeros; Go pads all ids; Java pads all but a root's parent.
            ("1f:2:0:1", context(0, 0x1f, 2, 1)),
            (
                "000000000000001f:0000000000000002:0000000000000000:1",
                context(0, 0x1f, 2, 1),
            ),
            (
                "000000000000001f:0000000000000002:0:3",
                context(0, 0x1f, 2, 3),
            ),
            (
                "4b32888b8fb596e92bc6e6f59ded8ad0:2bc6e6f59ded8ad0:4b32888b8fb596e9:1",
                context(
                    0x4b32_888b_8fb5_96e9,
                    0x2bc6_e6f5_9ded_8ad0,
                    0x2bc6_e6f5_9ded_8ad0,
                    1,
                ),
            ),
            ("10000000000000000:1:0:0", context(1, 0, 1, 0)),
            (
                "FFFFFFFFFFFFFFFF:aBcD:Ef:b",
                context(0, u64::MAX, 0xabcd, 0xb),
            ),
            ("1:2:0:0f", context(0, 1, 2, 0xb)),
            ("1:2:0:ff", context(0, 1, 2, 0xb)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_all_else() {
        use ParseContextError::*;
        for (text, error) in [
            ("", TraceId),
            ("garbage", TraceId),
            ("1", TraceId),
            (":2:0:1", TraceId),
            (" 1:2:0:1", TraceId),
            ("1 :2:0:1", TraceId),
            ("0x1:2:0:1", TraceId),
            ("1_0:2:0:1", TraceId),
            ("+1:2:0:1", TraceId),
            ("-1:2:0:1", TraceId),
            ("1zz:2:0:1", TraceId),
            ("\u{661}:2:0:1", TraceId),
            ("1%3A2%3A0%3A1", TraceId),
            ("000000000000000000000000000000001:2:0:1", TraceId),
            ("1:", SpanId),
            ("1::0:1", SpanId),
            ("1:2", SpanId),
            ("1:00000000000000002:0:1", SpanId),
            ("1:2:0", ParentId),
            ("1:1::1", ParentId),
            ("1:2:00000000000000000:1", ParentId),
            ("1:2:0:", Flags),
            ("1:2:0:1ff", Flags),
            ("1:2:0:001", Flags),
            ("1:2:0:1 ", Flags),
            ("1:2:0:1:", Flags),
            ("1:2:0:1:5", Flags),
            ("1:2:0:x", Flags),
            ("0:2:0:1", ZeroId),
            ("00000000000000000000000000000000:2:0:1", ZeroId),
            ("1:0:0:1", ZeroId),
        ] {
            assert_eq!(text.parse::<SpanContext>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_colon_may_be_encoded_in_http_only() {
        for text in ["1%3A2%3A0%3A1", "1%3a2:0%3A1"] {
            assert_eq!(parse(text.as_bytes(), true), Ok(context(0, 1, 2, 1)));
            assert!(parse(text.as_bytes(), false).is_err());
        }
        assert!(parse(b"%31:2:0:1", true).is_err());
        assert!(parse(b"1%3", true).is_err());
    }

    #[test]
    fn written_contexts_are_read_back() {
        let mut buffer = [0; SpanContext::TEXT_LEN];
        for (context, text) in [
            (
                context(0, 0xabc, 0xdef, 0),
                "0000000000000abc:0000000000000def:0:0",
            ),
            (
                context(1, 2, u64::MAX, 0xb),
                "00000000000000010000000000000002:ffffffffffffffff:0:b",
            ),
            (
                context(1 << 63, 0, 0x0123_4567_89ab_cdef, 3),
                "80000000000000000000000000000000:0123456789abcdef:0:3",
            ),
        ] {
            assert_eq!(context.write_text(&mut buffer), text);
            assert_eq!(text.parse(), Ok(context));
        }
    }

    #[test]
    fn errors_name_the_expected_form() {
        let error = "1:2:0:9z".parse::<SpanContext>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "flags must be 1 or 2 hex digits, and the last field"
        );
    }
}

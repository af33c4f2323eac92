//! The text form of a context: `{trace}:{span}:{parent}:{flags}` in hex.
//!
//! Source: Jaeger's client documentation, "Propagation format".

use core::error::Error;
use core::fmt;
use core::str::{self, FromStr};

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::percent::hex_digit;

/// Which field of a context's text form is wrong.
///
/// ```
/// use picojaeger_core::{ParseContextError, SpanContext};
///
/// assert_eq!("1:2:0".parse::<SpanContext>(), Err(ParseContextError::ParentId));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseContextError {
    /// The trace id is not 1 to 32 hex digits with a colon behind.
    TraceId,
    /// The span id is not 1 to 16 hex digits with a colon behind.
    SpanId,
    /// The parent id is not 1 to 16 hex digits with a colon behind.
    ParentId,
    /// The flags are not 1 or 2 hex digits at the end.
    Flags,
    /// The trace id or the span id is zero.
    ZeroId,
}

impl SpanContext {
    /// Most bytes that [`SpanContext::write_text`] writes.
    pub const TEXT_LEN: usize = 53;

    /// Writes `{trace}:{span}:0:{flags}` in lower-case hex, as injected and as
    /// read back by [`str::parse`]: 37 bytes, or 53 with a 128-bit trace id.
    ///
    /// A Go peer takes flags for decimal, so it rejects debug and firehose set
    /// together (`a`, `b`).
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
        let [t0, t1, t2, t3] = self.trace.0;
        let [s0, s1] = self.span.0;
        let trace = [t3, t2, t1, t0].into_iter().flat_map(digits);
        let span = [s1, s0].into_iter().flat_map(digits);
        let flags = [b':', b'0', b':', digit(self.flags.wire().into())];
        let text = trace.chain([b':']).chain(span).chain(flags);
        for (slot, byte) in buffer.iter_mut().zip(text) {
            *slot = byte;
        }
        let start = if t2 | t3 == 0 { 16 } else { 0 };
        let text = buffer.get(start..).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
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
        })
    }
}

impl Error for ParseContextError {}

/// Reads the text form; with `encoded`, a colon may also be `%3A`.
pub(super) fn parse(text: &[u8], encoded: bool) -> Result<SpanContext, ParseContextError> {
    let mut fields = Fields {
        rest: text,
        encoded,
    };
    let trace = TraceId(fields.id(32).ok_or(ParseContextError::TraceId)?);
    let [low, high, ..] = fields.id(16).ok_or(ParseContextError::SpanId)?;
    let span = SpanId([low, high]);
    fields.id(16).ok_or(ParseContextError::ParentId)?;
    let [flags, ..] = fields.hex(2).ok_or(ParseContextError::Flags)?;
    if !fields.rest.is_empty() {
        return Err(ParseContextError::Flags);
    }
    if trace.is_zero() || span.is_zero() {
        return Err(ParseContextError::ZeroId);
    }
    let flags = Flags::from_wire(flags as u8) | Flags::REMOTE;
    Ok(SpanContext::new(trace, span, flags))
}

/// Takes fields off the front of a text.
struct Fields<'a> {
    rest: &'a [u8],
    encoded: bool,
}

impl Fields<'_> {
    /// Hex digits and the colon behind them.
    fn id(&mut self, most: u32) -> Option<[u32; 4]> {
        let words = self.hex(most)?;
        self.rest = match self.rest {
            [b':', rest @ ..] => rest,
            [b'%', b'3', b'A' | b'a', rest @ ..] if self.encoded => rest,
            _ => return None,
        };
        Some(words)
    }

    /// One to `most` hex digits as words, least significant first.
    fn hex(&mut self, most: u32) -> Option<[u32; 4]> {
        let [mut a, mut b, mut c, mut d] = [0u32; 4];
        let mut count = 0;
        while let [byte, rest @ ..] = self.rest {
            let Some(digit) = hex_digit(*byte) else { break };
            if count == most {
                return None;
            }
            (d, c) = (d << 4 | c >> 28, c << 4 | b >> 28);
            (b, a) = (b << 4 | a >> 28, a << 4 | u32::from(digit));
            count += 1;
            self.rest = rest;
        }
        (count > 0).then_some([a, b, c, d])
    }
}

/// The eight hex digits of a word.
fn digits(word: u32) -> impl Iterator<Item = u8> {
    (0..8).map(move |place| digit(word << (4 * place) >> 28))
}

/// The lower-case hex digit of the low four bits.
fn digit(bits: u32) -> u8 {
    let bits = bits as u8 & 15;
    if bits < 10 {
        b'0' + bits
    } else {
        b'a' - 10 + bits
    }
}

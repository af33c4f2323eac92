//! Zipkin's span format: the tracing field of a TChannel frame.
//!
//! Source: <https://github.com/uber/tchannel/blob/master/docs/protocol.md>, "Tracing".

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};

/// The identity of a span as a TChannel frame has it: ids of 64 bits.
///
/// The upper half of a longer trace id does not travel.
///
/// ```
/// use picojaeger_core::{SpanContext, ZipkinSpan};
///
/// let context: SpanContext = "1:2:0:1".parse().unwrap();
/// let span = ZipkinSpan::from(context);
/// assert_eq!((span.trace_id, span.span_id, span.parent_id, span.flags), (1, 2, 0, 1));
/// assert_eq!(ZipkinSpan::from_bytes(&span.to_bytes()).to_context(), Some(context));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "TChannel's field has these four parts"
)]
pub struct ZipkinSpan {
    /// The span's own id.
    pub span_id: u64,
    /// The id of its parent; written as 0, since a context does not have it.
    pub parent_id: u64,
    /// The lower 64 bits of the trace id.
    pub trace_id: u64,
    /// The flags: 1 is sampled.
    pub flags: u8,
}

impl ZipkinSpan {
    /// The bytes of the field.
    pub const LEN: usize = 25;

    /// Reads the field: span, parent and trace, big-endian, then the flags.
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ .., flags] = *bytes;
        let [i, j, k, l, m, n, o, p, trace @ ..] = rest;
        ZipkinSpan {
            span_id: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            parent_id: u64::from_be_bytes([i, j, k, l, m, n, o, p]),
            trace_id: u64::from_be_bytes(trace),
            flags,
        }
    }

    /// Writes the field.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.span_id.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.parent_id.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.trace_id.to_be_bytes());
        bytes[24] = self.flags;
        bytes
    }

    /// Returns the context, which counts as [`Flags::REMOTE`]; `None` if an id is zero.
    pub fn to_context(&self) -> Option<SpanContext> {
        let flags = Flags::from_wire(self.flags) | Flags::REMOTE;
        let trace = TraceId::from_parts(0, self.trace_id);
        let context = SpanContext::new(trace, SpanId::new(self.span_id), flags);
        context.is_valid().then_some(context)
    }
}

impl From<SpanContext> for ZipkinSpan {
    fn from(context: SpanContext) -> Self {
        ZipkinSpan {
            span_id: context.span_id().get(),
            parent_id: 0,
            trace_id: context.trace_id().low(),
            flags: context.flags().wire(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_has_span_parent_trace_and_flags() {
        let span = ZipkinSpan {
            span_id: 0x0102_0304_0506_0708,
            parent_id: 0x1112_1314_1516_1718,
            trace_id: 0x2122_2324_2526_2728,
            flags: 3,
        };
        let mut bytes = [3; ZipkinSpan::LEN];
        for (at, byte) in bytes.iter_mut().take(24).enumerate() {
            *byte = (at / 8 * 16 + at % 8 + 1) as u8;
        }
        assert_eq!(span.to_bytes(), bytes);
        assert_eq!(ZipkinSpan::from_bytes(&bytes), span);
    }

    #[test]
    fn the_upper_half_of_a_trace_stays_behind_and_zero_is_none() {
        let wide = SpanContext::new(TraceId::from_parts(7, 1), SpanId::new(2), Flags::SAMPLED);
        let read = ZipkinSpan::from(wide).to_context().unwrap();
        assert_eq!(read.trace_id(), TraceId::from_parts(0, 1));
        assert_eq!(read.flags(), Flags::SAMPLED | Flags::REMOTE);
        assert_eq!(ZipkinSpan::default().to_context(), None);
        let no_span = SpanContext::new(TraceId::new(1), SpanId::new(0), Flags::SAMPLED);
        assert_eq!(ZipkinSpan::from(no_span).to_context(), None);
    }
}

//! Requests of the OpenTelemetry protocol, in protobuf.
//!
//! Source: `trace_service.proto`, `trace.proto`, `resource.proto` and `common.proto` of
//! opentelemetry-proto 1. A request is one resource, the process, with one list of spans. What
//! becomes of tags, logs and references is what Jaeger's own receiver makes of Thrift
//! (`pkg/translator/jaeger` of the OpenTelemetry Collector's contributions), so that a trace reads
//! the same whichever way it was sent.
//!
//! The length of a message stands before it. Lengths that are not known yet are written last, as
//! varints of four bytes, so a request is written once and nothing is moved.

mod attribute;
mod event;
mod keys;
mod link;
mod message;
mod resource;
mod span;
mod special;
mod status;

use core::ops::Range;

use self::message::{HEADER, LONGEST_MESSAGE, put_length};
use self::resource::put_head;
use self::span::put_span;
use super::cut::put_fitting;
use super::out::Out;
use super::{Batch, EncodeContext, Encoder, Push};
use crate::record::Record;

/// Encodes for OTLP over HTTP: the body of a `POST` to `/v1/traces`.
///
/// It is an `ExportTraceServiceRequest` in protobuf, of the type `application/x-protobuf`. Times are
/// in nanoseconds where the clock has them. The batch's number and losses have no place in it. A
/// request takes at most 256 MiB of a buffer.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, Otlp, Process};
///
/// let process = Process::new("pump");
/// let batch = Batch::new(&process, 1, ClientStats::NONE);
/// let (mut encoder, mut buffer) = (Otlp::new(), [0; 64]);
/// assert!(encoder.begin(&mut buffer, &batch));
/// let body = encoder.finish(&mut buffer);
/// assert_eq!(buffer[body][14..26], *b"service.name");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Otlp {
    /// The place of the spans' list, which is a message.
    scope: usize,
    /// The end of the spans; 0 without a packet.
    end: usize,
    spans: usize,
}

/// Fields of the request, and of the resource with its spans.
mod field {
    pub(super) const RESOURCE_SPANS: u8 = 0x0a;
    pub(super) const SCOPE_SPANS: u8 = 0x12;
}

/// The format, as a marker.
#[derive(Clone, Copy, Debug)]
enum Protobuf {}

impl Otlp {
    /// An encoder without a packet.
    pub const fn new() -> Self {
        Otlp {
            scope: 0,
            end: 0,
            spans: 0,
        }
    }
}

impl Encoder for Otlp {
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        *self = Otlp::new();
        let out = within_longest(out);
        let length = out.len();
        let Some(left) = put_head(Out::new(out), batch.process) else {
            return false;
        };
        self.end = length - left;
        self.scope = self.end - HEADER;
        true
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        if self.end == 0 {
            return Push::TooLarge;
        }
        let out = within_longest(out);
        let length = out.len();
        let Some(free) = out.get_mut(self.end..) else {
            return Push::Full;
        };
        let fitting = put_fitting(record, self.spans == 0, |cut| {
            put_span(Out::new(free), record, context, cut)
        });
        let left = match fitting {
            Ok(left) => left,
            Err(push) => return push,
        };
        self.end = length - left;
        self.spans += 1;
        Push::Taken
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        let Some(request) = out.get_mut(..self.end) else {
            return 0..0;
        };
        if let Some(scope) = request.get_mut(self.scope..) {
            put_length(scope, field::SCOPE_SPANS);
        }
        put_length(request, field::RESOURCE_SPANS);
        0..self.end
    }

    fn spans(&self) -> usize {
        self.spans
    }
}

/// The part of a buffer that the length of a message can count.
#[inline(always)]
fn within_longest(out: &mut [u8]) -> &mut [u8] {
    let length = out.len().min(LONGEST_MESSAGE);
    out.split_at_mut(length).0
}

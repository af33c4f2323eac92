//! One pass over the headers of a carrier.

use core::mem;
use core::str;

use crate::baggage::BaggageSink;
use crate::context::SpanContext;
use crate::propagation::error::ExtractError;
use crate::propagation::jaeger::items::Items;
use crate::propagation::jaeger::{Extracted, TextMapCodec, fill, single, text};
use crate::propagation::percent::Decode;

/// The findings in the headers so far.
pub(super) struct Extraction<'s, 'c> {
    codec: TextMapCodec<'c>,
    items: Items<'c>,
    /// The part of the borrowed buffer that the debug id does not take.
    scratch: &'s mut [u8],
    context: Result<Option<SpanContext>, ExtractError>,
    debug_id: Result<Option<&'s str>, ExtractError>,
}

impl<'s, 'c> Extraction<'s, 'c> {
    pub(super) fn new(
        codec: TextMapCodec<'c>,
        baggage: &'c mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Self {
        Extraction {
            items: Items::new(&codec, baggage),
            codec,
            scratch,
            context: Ok(None),
            debug_id: Ok(None),
        }
    }

    /// Takes one header.
    pub(super) fn visit(&mut self, key: &str, value: &[u8]) {
        let names = &self.codec.names;
        if key.eq_ignore_ascii_case(names.trace_context) {
            self.context(value);
        } else if key.eq_ignore_ascii_case(names.debug_id) {
            self.debug_id(value);
        } else if key.eq_ignore_ascii_case(names.baggage) {
            self.items.list(self.scratch, value);
        } else if let Some(key) = strip_prefix(key, names.baggage_prefix) {
            self.items.header(self.scratch, key, value);
        }
    }

    pub(super) fn finish(self) -> Extracted<'s> {
        Extracted {
            context: self.context,
            debug_id: self.debug_id,
            dropped: self.items.dropped(),
        }
    }

    /// Takes the trace header, and the trace headers that a proxy has joined.
    fn context(&mut self, value: &[u8]) {
        if !self.codec.encoded || !value.contains(&b',') {
            return self.one_context(value);
        }
        for part in value.split(|byte| *byte == b',') {
            self.one_context(part.trim_ascii());
            if self.context.is_err() {
                return;
            }
        }
    }

    fn one_context(&mut self, value: &[u8]) {
        let found = text::parse(value, self.codec.encoded)
            .map(Some)
            .map_err(ExtractError::Malformed);
        if self.context == Ok(None) {
            self.context = found;
        } else if self.context != found {
            self.context = Err(ExtractError::Conflict);
        }
    }

    /// Takes the header with the debug id, which stays in the scratch buffer.
    fn debug_id(&mut self, value: &[u8]) {
        let encoded = self.codec.encoded;
        let value = if encoded { single(value) } else { value };
        let decoded = Decode::new(value, encoded);
        self.debug_id = match self.debug_id {
            Ok(None) => self.keep(decoded),
            Ok(Some(known)) if !decoded.eq(known.bytes()) => Err(ExtractError::Conflict),
            unchanged => unchanged,
        };
    }

    /// Splits a text off the scratch buffer; an empty one counts as none.
    fn keep(&mut self, decoded: Decode<'_>) -> Result<Option<&'s str>, ExtractError> {
        let (text, _) = fill(self.scratch, decoded).ok_or(ExtractError::TooLong)?;
        let len = text.len();
        str::from_utf8(text).map_err(|_| ExtractError::NotUtf8)?;
        let Some((text, rest)) = mem::take(&mut self.scratch).split_at_mut_checked(len) else {
            return Err(ExtractError::TooLong);
        };
        self.scratch = rest;
        Ok(str::from_utf8(text).ok().filter(|text| !text.is_empty()))
    }
}

/// Returns the rest of `key` after `prefix`, whose case is ignored.
fn strip_prefix<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = key.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

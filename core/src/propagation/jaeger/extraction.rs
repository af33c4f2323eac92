//! One pass over the headers of a carrier.

use core::mem;
use core::str;

use crate::baggage::BaggageSink;
use crate::propagation::b3;
use crate::propagation::candidate::{Candidate, single};
use crate::propagation::error::{BaggageDrops, ExtractError};
use crate::propagation::format::Format;
use crate::propagation::jaeger::items::{Items, Precedence};
use crate::propagation::jaeger::{Extracted, TextMapCodec, fill, text};
use crate::propagation::name::{is_name, strip_prefix};
use crate::propagation::percent::{Decode, Encoding};

/// The findings in the headers so far.
pub(super) struct Extraction<'s, 'c> {
    context: Candidate,
    extras: Extras<'s, 'c>,
}

/// The findings beside the context: the debug id, and what became of the baggage.
pub(in crate::propagation) struct Extras<'s, 'c> {
    codec: TextMapCodec<'c>,
    pub(in crate::propagation) items: Items<'c>,
    /// The part of the borrowed buffer that nothing was kept in.
    scratch: &'s mut [u8],
    debug_id: Result<Option<&'s str>, ExtractError>,
}

impl<'s, 'c> Extraction<'s, 'c> {
    pub(super) fn new(
        codec: TextMapCodec<'c>,
        baggage: &'c mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Self {
        Extraction {
            context: Candidate::NONE,
            extras: Extras::new(codec, baggage, scratch),
        }
    }

    /// Takes one header.
    pub(super) fn visit(&mut self, key: &str, value: &[u8]) {
        let codec = &self.extras.codec;
        if is_name(key, codec.names.trace_context) {
            take_context(&mut self.context, codec, value);
        } else if !self.extras.visit_request(key, value) {
            self.extras.visit_item(key, value);
        }
    }

    pub(super) fn finish(self) -> Extracted<'s> {
        let (debug_id, dropped) = self.extras.finish();
        let context = self.context.get();
        Extracted {
            context: context.map(Option::<&_>::copied),
            debug_id,
            dropped,
            tracestate: None,
            rejected: context.err().map(|error| (Format::Jaeger, error)),
        }
    }
}

impl<'s, 'c> Extras<'s, 'c> {
    pub(in crate::propagation) fn new(
        codec: TextMapCodec<'c>,
        baggage: &'c mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Self {
        Extras {
            items: Items::new(&codec, baggage),
            codec,
            scratch,
            debug_id: Ok(None),
        }
    }

    /// Takes a header that callers without a tracer send: a debug id, or a list of baggage.
    pub(in crate::propagation) fn visit_request(&mut self, key: &str, value: &[u8]) -> bool {
        if is_name(key, self.codec.names.debug_id) {
            self.debug_id(value);
        } else if is_name(key, self.codec.names.baggage) {
            self.items.list(self.scratch, value);
        } else {
            return false;
        }
        true
    }

    /// Takes a header that holds a baggage item.
    pub(in crate::propagation) fn visit_item(&mut self, key: &str, value: &[u8]) -> bool {
        let Some(key) = strip_prefix(key, self.codec.names.baggage_prefix) else {
            return false;
        };
        let encoding = self.codec.encoding;
        self.items.header(self.scratch, key, value, encoding);
        true
    }

    /// Takes a header that holds a baggage item beside B3, which is not encoded.
    pub(in crate::propagation) fn visit_b3_item(
        &mut self,
        key: &str,
        value: &[u8],
        precedence: Precedence,
    ) {
        if let Some(key) = strip_prefix(key, b3::BAGGAGE_PREFIX) {
            let known = mem::replace(&mut self.items.precedence, precedence);
            self.items.header(self.scratch, key, value, Encoding::Plain);
            self.items.precedence = known;
        }
    }

    /// Takes a header `baggage` of the W3C.
    pub(in crate::propagation) fn visit_w3c(&mut self, value: &[u8]) {
        self.items.w3c_list(self.scratch, value);
    }

    /// Returns the debug id and the counts of items that were left out.
    pub(in crate::propagation) fn finish(
        self,
    ) -> (Result<Option<&'s str>, ExtractError>, BaggageDrops) {
        (self.debug_id, self.items.dropped())
    }

    /// Takes the header with the debug id, which stays in the scratch buffer.
    fn debug_id(&mut self, value: &[u8]) {
        let encoding = self.codec.encoding;
        let value = match encoding {
            Encoding::Plain => value,
            _ => single(value),
        };
        let decoded = Decode::new(value, encoding);
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

/// Takes the trace header, and the trace headers that a proxy has joined.
#[inline]
pub(in crate::propagation) fn take_context(
    context: &mut Candidate,
    codec: &TextMapCodec<'_>,
    value: &[u8],
) {
    let encoded = codec.encoding != Encoding::Plain;
    let parse = |value: &[u8]| text::parse(value, encoded);
    match parse(value) {
        Err(_) if encoded && value.contains(&b',') => context.take_joined(value, parse),
        found => context.take(found),
    }
}

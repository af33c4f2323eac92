//! One pass over the headers of a carrier.

use core::mem;
use core::str;

use crate::baggage::{BaggageError, BaggageSink, check_baggage_key};
use crate::context::SpanContext;
use crate::propagation::error::{BaggageDrops, ExtractError};
use crate::propagation::jaeger::{Extracted, TextMapCodec, fill, text};
use crate::propagation::percent::Decode;

/// The findings in the headers so far.
pub(super) struct Extraction<'s, 'c> {
    codec: TextMapCodec<'c>,
    baggage: &'c mut dyn BaggageSink,
    /// The part of the borrowed buffer that the debug id does not take.
    scratch: &'s mut [u8],
    context: Result<Option<SpanContext>, ExtractError>,
    debug_id: Result<Option<&'s str>, ExtractError>,
    dropped: BaggageDrops,
}

impl<'s, 'c> Extraction<'s, 'c> {
    pub(super) fn new(
        codec: TextMapCodec<'c>,
        baggage: &'c mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Self {
        Extraction {
            codec,
            baggage,
            scratch,
            context: Ok(None),
            debug_id: Ok(None),
            dropped: BaggageDrops::default(),
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
            self.list(value);
        } else if let Some(key) = strip_prefix(key, names.baggage_prefix) {
            self.item(key, value);
        }
    }

    pub(super) fn finish(self) -> Extracted<'s> {
        Extracted {
            context: self.context,
            debug_id: self.debug_id,
            dropped: self.dropped,
        }
    }

    /// Takes the trace header.
    fn context(&mut self, value: &[u8]) {
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
        let decoded = Decode::new(value, self.codec.encoded);
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

    /// Takes a header that holds one baggage item.
    fn item(&mut self, key: &str, value: &[u8]) {
        let lower = self.codec.encoded;
        let key = key.bytes().map(|byte| {
            if lower {
                byte.to_ascii_lowercase()
            } else {
                byte
            }
        });
        let value = Decode::new(value, self.codec.encoded);
        let result = item(self.scratch, key, value, self.baggage);
        self.count(result);
    }

    /// Takes the header that lists baggage items.
    fn list(&mut self, value: &[u8]) {
        let mut decoded = Decode::new(value, self.codec.encoded);
        let mut more = true;
        while more {
            more = false;
            let mut part = decoded.by_ref().take_while(|byte| {
                more = *byte == b',';
                !more
            });
            let result = pair(self.scratch, &mut part, self.baggage);
            part.for_each(drop); // the rest, which did not fit the scratch buffer
            self.count(result);
        }
    }

    fn count(&mut self, result: Result<(), Rejected>) {
        match result {
            Ok(()) => {}
            Err(Rejected::Malformed) => self.dropped.count_malformed(),
            Err(Rejected::Baggage(cause)) => self.dropped.count(cause),
        }
    }
}

/// The cause of an item that was not taken.
enum Rejected {
    Malformed,
    Baggage(BaggageError),
}

impl From<BaggageError> for Rejected {
    fn from(cause: BaggageError) -> Self {
        Rejected::Baggage(cause)
    }
}

/// Passes an item to the sink.
fn item(
    scratch: &mut [u8],
    key: impl Iterator<Item = u8>,
    value: impl Iterator<Item = u8>,
    sink: &mut dyn BaggageSink,
) -> Result<(), Rejected> {
    let (key, rest) = fill(scratch, key).ok_or(BaggageError::TooLong)?;
    let (value, _) = fill(rest, value).ok_or(BaggageError::TooLong)?;
    set(key, value, sink)
}

/// Passes an item of the form `key=value` to the sink; an empty one is none.
fn pair(
    scratch: &mut [u8],
    text: impl Iterator<Item = u8>,
    sink: &mut dyn BaggageSink,
) -> Result<(), Rejected> {
    let (text, _) = fill(scratch, text).ok_or(BaggageError::TooLong)?;
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let mut sides = text.split(|byte| *byte == b'=');
    match (sides.next(), sides.next(), sides.next()) {
        (Some(key), Some(value), None) => set(key.trim_ascii(), value.trim_ascii(), sink),
        _ => Err(Rejected::Malformed),
    }
}

fn set(key: &[u8], value: &[u8], sink: &mut dyn BaggageSink) -> Result<(), Rejected> {
    let key = str::from_utf8(key).map_err(|_| BaggageError::IllegalKey)?;
    check_baggage_key(key)?;
    let value = str::from_utf8(value).map_err(|_| Rejected::Malformed)?;
    Ok(sink.set(key, value)?)
}

/// Returns the rest of `key` after `prefix`, whose case is ignored.
fn strip_prefix<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = key.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

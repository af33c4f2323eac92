//! Jaeger's own headers: `uber-trace-id`, `uberctx-…`, `jaeger-debug-id` and
//! `jaeger-baggage`, in the text-map and the HTTP form.

mod extraction;
mod items;
#[cfg(test)]
mod tests;
mod text;

use core::str;

use crate::baggage::{BaggageError, BaggageSink, check_baggage_key};
use crate::context::SpanContext;
use crate::propagation::carrier::{CarrierFull, TextMapReader, TextMapWriter};
use crate::propagation::error::{BaggageDrops, ExtractError, InjectError};
use crate::propagation::format::Format;
use crate::propagation::jaeger::extraction::Extraction;
use crate::propagation::percent::{Encoding, percent_encode};

pub(super) use extraction::{Extras, take_context};
pub(super) use items::Precedence;
pub use text::ParseContextError;

/// Injects and extracts Jaeger's own headers.
///
/// The HTTP form percent-encodes baggage values and lower-cases the keys that
/// it reads from header names; the text-map form leaves both as they are.
/// Header names are compared without regard to case. Both take a scratch
/// buffer for one item at a time, key and value together: in the HTTP form an
/// injected value needs up to three bytes for each of its own. An item that
/// does not fit is left out whole and counted, and so is what exceeds the
/// [limit](TextMapCodec::with_baggage_limit) of all items together.
///
/// ```
/// use picojaeger_core::{BaggageTable, SpanContext, TextMap, TextMapCodec};
///
/// let codec = TextMapCodec::http();
/// let mut scratch = [0; 128];
///
/// let mut baggage = BaggageTable::<4, 16, 32>::new();
/// let headers = [("Uber-Trace-Id", "1:2:0:1"), ("uberctx-tenant", "a%20b")];
/// let extracted = codec.extract(&headers, &mut baggage, &mut scratch);
/// let context: SpanContext = extracted.context?.unwrap();
/// assert_eq!(baggage.get("tenant"), Some("a b"));
///
/// let mut outgoing = TextMap::<4, 24, 64>::new();
/// codec.inject(&context, baggage.iter(), &mut outgoing, &mut scratch)?;
/// assert!(outgoing.iter().eq([
///     ("uber-trace-id", "0000000000000001:0000000000000002:0:1"),
///     ("uberctx-tenant", "a%20b"),
/// ]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextMapCodec<'n> {
    pub(super) names: HeaderNames<'n>,
    encoding: Encoding,
    baggage_limit: usize,
}

/// The names of Jaeger's headers.
///
/// ```
/// use picojaeger_core::{HeaderNames, TextMapCodec};
///
/// let names = HeaderNames::DEFAULT.with_trace_context("x-trace");
/// let codec = TextMapCodec::http().with_names(names);
/// let found = codec.extract(&[("x-trace", "1:2:0:1")], &mut (), &mut []);
/// assert!(found.context.is_ok_and(|context| context.is_some()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HeaderNames<'n> {
    /// Holds the context.
    pub trace_context: &'n str,
    /// Begins the name of each header that holds a baggage item.
    pub baggage_prefix: &'n str,
    /// Requests a sampled trace that can be found by this id.
    pub debug_id: &'n str,
    /// Holds a list of baggage items, `k1=v1, k2=v2`, for callers without a tracer.
    pub baggage: &'n str,
}

/// The result of extract, without the baggage, which went to the sink.
///
/// With a context, the debug id is to be ignored. Without one, or with an
/// error, a new trace begins, which takes the debug id and the baggage over.
///
/// ```
/// use picojaeger_core::{ExtractError, ParseContextError, TextMapCodec};
///
/// let headers = [("uber-trace-id", "garbage"), ("jaeger-debug-id", "find+me")];
/// let mut scratch = [0; 32];
/// let found = TextMapCodec::http().extract(&headers, &mut (), &mut scratch);
/// assert_eq!(found.context, Err(ExtractError::Malformed(ParseContextError::TraceId)));
/// assert_eq!(found.debug_id, Ok(Some("find me")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Extracted<'s> {
    /// The context, which counts as [`Flags::REMOTE`](crate::Flags::REMOTE).
    pub context: Result<Option<SpanContext>, ExtractError>,
    /// The debug id, kept in the scratch buffer; never empty.
    pub debug_id: Result<Option<&'s str>, ExtractError>,
    /// The baggage items that were left out, whether here or by the sink.
    pub dropped: BaggageDrops,
    /// The members of `tracestate`, kept in the scratch buffer, if the context is from
    /// `traceparent`; never empty.
    pub tracestate: Option<&'s str>,
    /// The first format whose header could not be read, though another may have had the context.
    pub rejected: Option<(Format, ExtractError)>,
}

impl TextMapCodec<'static> {
    /// The usual limit of all baggage items together, in bytes.
    pub const BAGGAGE_LIMIT: usize = 8_192;

    /// Makes the text-map form, with the usual header names.
    pub const fn text_map() -> Self {
        TextMapCodec {
            names: HeaderNames::DEFAULT,
            encoding: Encoding::Plain,
            baggage_limit: Self::BAGGAGE_LIMIT,
        }
    }

    /// Makes the HTTP form, with the usual header names.
    pub const fn http() -> Self {
        TextMapCodec {
            names: HeaderNames::DEFAULT,
            encoding: Encoding::Form,
            baggage_limit: Self::BAGGAGE_LIMIT,
        }
    }
}

impl<'n> TextMapCodec<'n> {
    /// Sets other header names.
    #[must_use]
    pub const fn with_names<'m>(self, names: HeaderNames<'m>) -> TextMapCodec<'m> {
        TextMapCodec {
            names,
            encoding: self.encoding,
            baggage_limit: self.baggage_limit,
        }
    }

    /// Sets another limit of all baggage items together: the bytes of their headers' names and
    /// values as injected, 8,192 unless set.
    ///
    /// ```
    /// use picojaeger_core::{BaggageTable, TextMapCodec};
    ///
    /// let codec = TextMapCodec::http().with_baggage_limit(24);
    /// let headers = [("uberctx-tenant", "acme"), ("uberctx-user", "ann")];
    /// let (mut baggage, mut scratch) = (BaggageTable::<4, 16, 32>::new(), [0; 64]);
    /// let found = codec.extract(&headers, &mut baggage, &mut scratch);
    /// assert!(baggage.iter().eq([("tenant", "acme")]));
    /// assert_eq!(found.dropped.over_limit, 1);
    /// ```
    #[must_use]
    pub const fn with_baggage_limit(mut self, bytes: usize) -> Self {
        self.baggage_limit = bytes;
        self
    }

    /// Writes the context and the baggage into the carrier.
    ///
    /// A context that is not valid is left out, so that its baggage travels
    /// alone. Keys are written as given. Costs about 60 bytes of stack for the
    /// context's text.
    ///
    /// # Errors
    /// The context did not fit and nothing was written, or some baggage items
    /// could not be written and all else was.
    pub fn inject<'b, C: TextMapWriter + ?Sized>(
        &self,
        context: &SpanContext,
        baggage: impl IntoIterator<Item = (&'b str, &'b str)>,
        carrier: &mut C,
        scratch: &mut [u8],
    ) -> Result<(), InjectError> {
        self.inject_context(context, carrier)
            .map_err(|_| InjectError::CarrierFull)?;
        let drops = self.inject_baggage(baggage, carrier, scratch);
        if drops.is_empty() {
            Ok(())
        } else {
            Err(InjectError::Baggage(drops))
        }
    }

    /// Writes the trace header of a valid context.
    pub(super) fn inject_context<C: TextMapWriter + ?Sized>(
        &self,
        context: &SpanContext,
        carrier: &mut C,
    ) -> Result<(), CarrierFull> {
        if !context.is_valid() {
            return Ok(());
        }
        let mut buffer = [0; SpanContext::TEXT_LEN];
        carrier.set(self.names.trace_context, context.write_text(&mut buffer))
    }

    /// Writes a header for each item, and returns the counts of those that were left out.
    pub(super) fn inject_baggage<'b, C: TextMapWriter + ?Sized>(
        &self,
        baggage: impl IntoIterator<Item = (&'b str, &'b str)>,
        carrier: &mut C,
        scratch: &mut [u8],
    ) -> BaggageDrops {
        let mut drops = BaggageDrops::default();
        let mut left = self.baggage_limit;
        for (key, value) in baggage {
            let written = self.header(key, value, scratch).and_then(|(name, value)| {
                let bytes = name.len().saturating_add(value.len());
                left = left.checked_sub(bytes).ok_or(BaggageError::OverLimit)?;
                carrier.set(name, value).map_err(|_| BaggageError::Full)
            });
            if let Err(cause) = written {
                drops.count(cause);
            }
        }
        drops
    }

    /// Reads the context and the debug id, and passes each baggage item to `baggage`.
    ///
    /// Reads each header once: a malformed one does not affect the others. A header that comes
    /// again with the same contents is taken once, also where a proxy has joined both with a comma
    /// (RFC 9110, section 5.3; HTTP form only). Of baggage items with the same key the sink keeps
    /// the last.
    ///
    /// The list header is split at commas, each item at its first `=`, and both sides are trimmed
    /// and then decoded; its keys keep their case. A list without a bare `=` is decoded first, as
    /// Jaeger's Go and Python clients do.
    ///
    /// The scratch buffer holds the debug id, and beside it one item at a time: its key without the
    /// prefix, and the decoded value. Each item counts to the limit with the bytes that it takes
    /// when injected, repeats included. What cannot fit is not decoded: the time is that of a scan
    /// of Jaeger's headers, and of decoding three times the limit.
    pub fn extract<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        baggage: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Extracted<'s> {
        let mut extraction = Extraction::new(*self, baggage, scratch);
        carrier.for_each(&mut |key, value| extraction.visit(key, value));
        extraction.finish()
    }

    /// Makes the header of a baggage item in `scratch`.
    fn header<'s>(
        &self,
        key: &str,
        value: &'s str,
        scratch: &'s mut [u8],
    ) -> Result<(&'s str, &'s str), BaggageError> {
        check_baggage_key(key)?;
        let name = self.names.baggage_prefix.bytes().chain(key.bytes());
        let (name, rest) = fill(scratch, name).ok_or(BaggageError::TooLong)?;
        let value = if self.encoding == Encoding::Form {
            let (value, _) = fill(rest, percent_encode(value)).ok_or(BaggageError::TooLong)?;
            str::from_utf8(value).unwrap_or_default()
        } else {
            value
        };
        Ok((str::from_utf8(name).unwrap_or_default(), value))
    }
}

impl HeaderNames<'static> {
    /// `uber-trace-id`, `uberctx-`, `jaeger-debug-id` and `jaeger-baggage`.
    pub const DEFAULT: Self = HeaderNames {
        trace_context: "uber-trace-id",
        baggage_prefix: "uberctx-",
        debug_id: "jaeger-debug-id",
        baggage: "jaeger-baggage",
    };
}

impl<'n> HeaderNames<'n> {
    /// Sets another name for the context.
    #[must_use]
    pub const fn with_trace_context(mut self, name: &'n str) -> Self {
        self.trace_context = name;
        self
    }

    /// Sets another prefix for baggage items.
    #[must_use]
    pub const fn with_baggage_prefix(mut self, prefix: &'n str) -> Self {
        self.baggage_prefix = prefix;
        self
    }

    /// Sets another name for the debug id.
    #[must_use]
    pub const fn with_debug_id(mut self, name: &'n str) -> Self {
        self.debug_id = name;
        self
    }

    /// Sets another name for the list of baggage items.
    #[must_use]
    pub const fn with_baggage(mut self, name: &'n str) -> Self {
        self.baggage = name;
        self
    }
}

impl Default for HeaderNames<'_> {
    fn default() -> Self {
        HeaderNames::DEFAULT
    }
}

/// Copies `bytes` to the front of `buffer`; returns that part and the rest, or `None` if the buffer
/// is too short.
pub(super) fn fill(
    buffer: &mut [u8],
    bytes: impl Iterator<Item = u8>,
) -> Option<(&mut [u8], &mut [u8])> {
    let mut len = 0;
    for byte in bytes {
        *buffer.get_mut(len)? = byte;
        len += 1;
    }
    buffer.split_at_mut_checked(len)
}

//! Binary forms: this project's short one, and that of Jaeger's clients, with baggage.

use core::str;

use crate::baggage::{BaggageError, BaggageSink, check_baggage_key};
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::error::{BaggageDrops, ExtractError, InjectError};
use crate::propagation::jaeger::{Extracted, ParseContextError, TextMapCodec};
use crate::propagation::percent::encoded_len;

/// The version of the short form.
const VERSION: u8 = 1;

impl SpanContext {
    /// The bytes of the short binary form.
    pub const BINARY_LEN: usize = 26;

    /// Returns the short binary form, for small links: version 1, trace id, span id and flags, all
    /// big-endian; baggage is not part of it.
    ///
    /// ```
    /// use picojaeger_core::SpanContext;
    ///
    /// let context: SpanContext = "1:2:0:1".parse().unwrap();
    /// assert_eq!(SpanContext::from_binary(&context.to_binary()), Ok(context));
    /// ```
    pub fn to_binary(&self) -> [u8; Self::BINARY_LEN] {
        let mut bytes = [VERSION; Self::BINARY_LEN];
        bytes[1..17].copy_from_slice(&self.trace.get().to_be_bytes());
        bytes[17..25].copy_from_slice(&self.span.get().to_be_bytes());
        bytes[25] = self.flags.wire();
        bytes
    }

    /// Reads the short binary form; the context counts as [`Flags::REMOTE`].
    ///
    /// # Errors
    /// The length or the version is another, or an id is zero.
    pub fn from_binary(bytes: &[u8]) -> Result<Self, ParseContextError> {
        let mut input = Input(bytes);
        let version = input.take().map(u8::from_be_bytes);
        let context = version
            .filter(|version| *version == VERSION)
            .and_then(|_| input.context())
            .filter(|_| input.0.is_empty());
        valid(context)
    }
}

/// Injects and extracts the binary form of Jaeger's clients: ids, flags and baggage.
///
/// ```
/// use picojaeger_core::{BinaryCodec, SpanContext, BaggageTable};
///
/// let context: SpanContext = "1:2:0:1".parse().unwrap();
/// let (codec, mut buffer) = (BinaryCodec::new(), [0; 64]);
/// let (bytes, _) = codec.inject(&context, [("tenant", "acme")], &mut buffer)?;
///
/// let mut baggage = BaggageTable::<4, 16, 32>::new();
/// assert_eq!(codec.extract(bytes, &mut baggage).context, Ok(Some(context)));
/// assert_eq!(baggage.get("tenant"), Some("acme"));
/// # Ok::<(), picojaeger_core::InjectError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BinaryCodec {
    baggage_limit: usize,
}

impl BinaryCodec {
    /// The bytes of a context without baggage.
    pub const LEN: usize = 37;

    /// Makes a codec with the usual limit of baggage.
    pub const fn new() -> Self {
        BinaryCodec {
            baggage_limit: TextMapCodec::BAGGAGE_LIMIT,
        }
    }

    /// Sets another limit of all baggage items together, counted as keys and percent-encoded values.
    #[must_use]
    pub const fn with_baggage_limit(mut self, bytes: usize) -> Self {
        self.baggage_limit = bytes;
        self
    }

    /// Writes the context and the baggage to the front of the buffer; returns that part, and the
    /// counts of items that were left out.
    ///
    /// # Errors
    /// The buffer is shorter than [`BinaryCodec::LEN`].
    pub fn inject<'b, 'o>(
        &self,
        context: &SpanContext,
        baggage: impl IntoIterator<Item = (&'b str, &'b str)>,
        buffer: &'o mut [u8],
    ) -> Result<(&'o [u8], BaggageDrops), InjectError> {
        let mut output = Output { buffer, used: 0 };
        output
            .put(&header(context))
            .ok_or(InjectError::CarrierFull)?;
        let (mut count, mut left) = (0u32, self.baggage_limit);
        let mut drops = BaggageDrops::default();
        for (key, value) in baggage {
            let written = take(&mut left, key, value)
                .and_then(|()| output.item(key, value).ok_or(BaggageError::Full));
            match written {
                Ok(()) => count += 1,
                Err(cause) => drops.count(cause),
            }
        }
        let place = output.buffer.get_mut(Self::LEN - 4..Self::LEN);
        for (slot, byte) in place.into_iter().flatten().zip(count.to_be_bytes()) {
            *slot = byte;
        }
        let bytes = output.buffer.get(..output.used);
        Ok((bytes.unwrap_or_default(), drops))
    }

    /// Reads the context, and passes each baggage item to `baggage`. Bytes behind it are ignored.
    ///
    /// Ids of zero mean none. Where the bytes end early, the items until there are taken.
    pub fn extract(&self, bytes: &[u8], baggage: &mut dyn BaggageSink) -> Extracted<'static> {
        let mut input = Input(bytes);
        let mut dropped = BaggageDrops::default();
        let context = match input.jaeger() {
            None => Err(ParseContextError::Binary),
            Some((context, count)) => {
                self.items(&mut input, count, baggage, &mut dropped);
                match (context.trace.is_zero(), context.span.is_zero()) {
                    (true, true) => Ok(None),
                    _ => valid(Some(context)).map(Some),
                }
            }
        };
        Extracted {
            context: context.map_err(ExtractError::Malformed),
            debug_id: Ok(None),
            dropped,
            tracestate: None,
            rejected: None,
        }
    }

    fn items(
        &self,
        input: &mut Input<'_>,
        count: u32,
        baggage: &mut dyn BaggageSink,
        dropped: &mut BaggageDrops,
    ) {
        let mut left = self.baggage_limit;
        for _ in 0..count {
            let Some((key, value)) = input.item() else {
                return dropped.count_malformed();
            };
            let (Ok(key), Ok(value)) = (str::from_utf8(key), str::from_utf8(value)) else {
                dropped.count_malformed();
                continue;
            };
            let taken = take(&mut left, key, value).and_then(|()| baggage.set(key, value));
            if let Err(cause) = taken {
                dropped.count(cause);
            }
        }
    }
}

impl Default for BinaryCodec {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes that are still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    /// Reads trace id, span id and flags.
    fn context(&mut self) -> Option<SpanContext> {
        let trace = TraceId::new(u128::from_be_bytes(self.take()?));
        let span = SpanId::new(u64::from_be_bytes(self.take()?));
        let flags = Flags::from_wire(u8::from_be_bytes(self.take()?));
        Some(SpanContext::new(trace, span, flags | Flags::REMOTE))
    }

    /// Reads what precedes the items of Jaeger's form, and their number.
    fn jaeger(&mut self) -> Option<(SpanContext, u32)> {
        let trace = TraceId::new(u128::from_be_bytes(self.take()?));
        let span = SpanId::new(u64::from_be_bytes(self.take()?));
        let _parent: [u8; 8] = self.take()?;
        let flags = Flags::from_wire(u8::from_be_bytes(self.take()?));
        let count = u32::from_be_bytes(self.take()?);
        let context = SpanContext::new(trace, span, flags | Flags::REMOTE);
        Some((context, count))
    }

    fn item(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        Some((self.text()?, self.text()?))
    }

    /// Reads a length, and as many bytes.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.take()?) as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}

/// The buffer, and how much of it is written.
struct Output<'o> {
    buffer: &'o mut [u8],
    used: usize,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let room = self.buffer.get_mut(self.used..)?;
        room.get_mut(..bytes.len())?.copy_from_slice(bytes);
        self.used += bytes.len();
        Some(())
    }

    /// Appends an item, or nothing if it does not fit.
    fn item(&mut self, key: &str, value: &str) -> Option<()> {
        let before = self.used;
        let written = self.text(key).and_then(|()| self.text(value));
        if written.is_none() {
            self.used = before;
        }
        written
    }

    fn text(&mut self, text: &str) -> Option<()> {
        self.put(&u32::try_from(text.len()).ok()?.to_be_bytes())?;
        self.put(text.as_bytes())
    }
}

/// Returns what precedes the items of Jaeger's form, with no parent and no items.
fn header(context: &SpanContext) -> [u8; BinaryCodec::LEN] {
    let mut header = [0; BinaryCodec::LEN];
    header[..16].copy_from_slice(&context.trace.get().to_be_bytes());
    header[16..24].copy_from_slice(&context.span.get().to_be_bytes());
    header[32] = context.flags.wire();
    header
}

/// Checks an item's key, and takes its bytes from what is left of the limit.
fn take(left: &mut usize, key: &str, value: &str) -> Result<(), BaggageError> {
    check_baggage_key(key)?;
    let size = key.len().saturating_add(encoded_len(value));
    *left = left.checked_sub(size).ok_or(BaggageError::OverLimit)?;
    Ok(())
}

/// Returns the context that was read, if its ids are not zero.
fn valid(context: Option<SpanContext>) -> Result<SpanContext, ParseContextError> {
    let context = context.ok_or(ParseContextError::Binary)?;
    match context.is_valid() {
        true => Ok(context),
        false => Err(ParseContextError::ZeroId),
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    #[derive(Default, PartialEq, Debug)]
    struct Seen(Vec<(String, String)>);

    impl BaggageSink for Seen {
        fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
            self.0.push((key.to_string(), value.to_string()));
            Ok(())
        }
    }

    fn context(high: u64, low: u64, span: u64, flags: Flags) -> SpanContext {
        let trace = TraceId::from_parts(high, low);
        SpanContext::new(trace, SpanId::new(span), flags | Flags::REMOTE)
    }

    /// Written by Jaeger's Go client 2.30.
    const GO: [u8; 37] = [
        0x4b, 0x32, 0x88, 0x8b, 0x8f, 0xb5, 0x96, 0xe9, 0x2b, 0xc6, 0xe6, 0xf5, 0x9d, 0xed, 0x8a,
        0xd0, 0x2b, 0xc6, 0xe6, 0xf5, 0x9d, 0xed, 0x8a, 0xd0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
        0,
    ];

    fn of_go() -> SpanContext {
        let low = 3_154_462_531_610_577_616;
        context(5_418_543_434_673_002_217, low, low, Flags::SAMPLED)
    }

    #[test]
    fn bytes_of_the_go_client_are_read_and_written() {
        let codec = BinaryCodec::new();
        assert_eq!(codec.extract(&GO, &mut ()).context, Ok(Some(of_go())));
        let mut buffer = [0xff; 40];
        let (bytes, drops) = codec.inject(&of_go(), [], &mut buffer).unwrap();
        assert_eq!((bytes, drops.is_empty()), (&GO[..], true));
    }

    #[test]
    fn each_shorter_input_is_an_error_and_loses_no_item_before_it() {
        let codec = BinaryCodec::new();
        let mut buffer = [0; 96];
        let items = [("a", "1"), ("b", "\u{e9}")];
        let (bytes, _) = codec.inject(&of_go(), items, &mut buffer).unwrap();
        assert_eq!(bytes.len(), 37 + 10 + 11);
        for length in 0..bytes.len() {
            let mut seen = Seen::default();
            let found = codec.extract(&bytes[..length], &mut seen);
            let expected = match length {
                0..37 => Err(ExtractError::Malformed(ParseContextError::Binary)),
                _ => Ok(Some(of_go())),
            };
            assert_eq!(found.context, expected, "{length}");
            assert_eq!(found.dropped.malformed, u32::from(length >= 37));
            assert_eq!(seen.0.len(), usize::from(length >= 47));
        }
        let mut seen = Seen::default();
        assert!(codec.extract(bytes, &mut seen).dropped.is_empty());
        let expected = items.map(|(key, value)| (key.to_string(), value.to_string()));
        assert_eq!(seen.0, expected);
    }

    #[test]
    fn lengths_that_lie_and_texts_that_are_none_are_counted() {
        let codec = BinaryCodec::new();
        let mut lies = GO.to_vec();
        lies[36] = 2;
        for (item, seen) in [
            (&[0xff, 0xff, 0xff, 0xff][..], 0),
            (&[0x7f, 0xff, 0xff, 0xff, 0], 0),
            (&[0, 0, 0, 1, b'k', 0, 0, 0, 1, 0xff], 0),
            (
                &[
                    0, 0, 0, 1, b' ', 0, 0, 0, 1, b'v', 0, 0, 0, 1, b'k', 0, 0, 0, 0,
                ],
                1,
            ),
        ] {
            let bytes = [&lies, item].concat();
            let mut taken = Seen::default();
            let found = codec.extract(&bytes, &mut taken);
            assert_eq!(found.context, Ok(Some(of_go())));
            assert_eq!(taken.0.len(), seen);
            assert!(found.dropped.total() >= 1);
        }
    }

    #[test]
    fn zero_ids_are_none_and_one_is_an_error() {
        let codec = BinaryCodec::new();
        assert_eq!(codec.extract(&[0; 37], &mut ()).context, Ok(None));
        let mut buffer = [0; 37];
        let half = context(0, 1, 0, Flags::NONE);
        let (bytes, _) = codec.inject(&half, [], &mut buffer).unwrap();
        let zero = Err(ExtractError::Malformed(ParseContextError::ZeroId));
        assert_eq!(codec.extract(bytes, &mut ()).context, zero);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let codec = BinaryCodec::new().with_baggage_limit(8);
        let items = [("a", "1"), ("b", "1234567"), ("c d", ""), ("d", "2")];
        let mut buffer = [0; 37 + 10 + 9];
        let (bytes, drops) = codec.inject(&of_go(), items, &mut buffer).unwrap();
        assert_eq!(bytes.len(), 37 + 10);
        assert_eq!((drops.over_limit, drops.illegal_key, drops.full), (1, 1, 1));
        let mut seen = Seen::default();
        let _ = codec.extract(bytes, &mut seen);
        assert_eq!(seen.0.len(), 1);
        assert_eq!(
            codec.inject(&of_go(), [], &mut [0; 36]).err(),
            Some(InjectError::CarrierFull)
        );
    }

    #[test]
    fn the_short_form_has_one_version_and_one_length() {
        let bytes = of_go().to_binary();
        assert_eq!((bytes[0], bytes[25], bytes.len()), (1, 1, 26));
        assert_eq!(bytes[1..25], GO[..24]);
        assert_eq!(SpanContext::from_binary(&bytes), Ok(of_go()));
        let error = Err(ParseContextError::Binary);
        for length in 0..26 {
            assert_eq!(SpanContext::from_binary(&bytes[..length]), error);
        }
        assert_eq!(
            SpanContext::from_binary(&[bytes.to_vec(), std::vec![0]].concat()),
            error
        );
        let mut other = bytes;
        other[0] = 2;
        assert_eq!(SpanContext::from_binary(&other), error);
        let zero = [&bytes[..17], &[0; 9]].concat();
        assert_eq!(
            SpanContext::from_binary(&zero),
            Err(ParseContextError::ZeroId)
        );
    }
}

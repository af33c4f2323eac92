//! The baggage items of an extraction.

use core::str;

use crate::baggage::{BaggageError, BaggageSink, check_baggage_key};
use crate::propagation::candidate::single;
use crate::propagation::error::BaggageDrops;
use crate::propagation::jaeger::{TextMapCodec, fill};
use crate::propagation::percent::{Decode, Encoding, encoded_len};
use crate::propagation::w3c::baggage::MOST_MEMBERS;

/// Passes items to a sink, as long as there is room.
pub(in crate::propagation) struct Items<'c> {
    sink: &'c mut dyn BaggageSink,
    encoding: Encoding,
    /// Bytes that inject puts before each key.
    prefix: usize,
    room: Room,
    /// Members of the W3C's lists that may still come.
    members: u32,
    pub(in crate::propagation) precedence: Precedence,
    dropped: BaggageDrops,
}

/// The rule for an item whose key the sink holds already.
#[derive(Clone, Copy)]
pub(in crate::propagation) enum Precedence {
    /// The later item replaces the one with exactly this key.
    Last,
    /// The earlier item stays, whatever the case of its key.
    First,
    /// The later item replaces the one with exactly this key, and gives way to one whose key is
    /// the same but for case.
    LastUnlessCase,
}

impl<'c> Items<'c> {
    pub(super) fn new(codec: &TextMapCodec<'_>, sink: &'c mut dyn BaggageSink) -> Self {
        Items {
            sink,
            encoding: codec.encoding,
            prefix: codec.names.baggage_prefix.len(),
            room: Room::new(codec.baggage_limit),
            members: MOST_MEMBERS,
            precedence: Precedence::Last,
            dropped: BaggageDrops::default(),
        }
    }

    pub(super) fn dropped(&self) -> BaggageDrops {
        self.dropped
    }

    /// Takes a header that holds one item.
    pub(super) fn header(
        &mut self,
        scratch: &mut [u8],
        key: &str,
        value: &[u8],
        encoding: Encoding,
    ) {
        let outcome = self.one_header(scratch, key, value, encoding);
        self.count(outcome);
    }

    /// Takes the header that lists items.
    pub(super) fn list(&mut self, scratch: &mut [u8], value: &[u8]) {
        if self.encoding == Encoding::Form && !value.contains(&b'=') {
            return self.encoded_list(scratch, value);
        }
        for part in value.split(|byte| *byte == b',') {
            let outcome = self.pair(scratch, part.trim_ascii());
            self.count(outcome);
        }
    }

    fn one_header(
        &mut self,
        scratch: &mut [u8],
        key: &str,
        value: &[u8],
        encoding: Encoding,
    ) -> Result<(), Rejected> {
        self.room.read(key.len().saturating_add(value.len()))?;
        let lower = self.encoding == Encoding::Form;
        let key = key.bytes().map(|byte| {
            if lower {
                byte.to_ascii_lowercase()
            } else {
                byte
            }
        });
        let value = if lower { single(value) } else { value };
        self.item(scratch, key, value, encoding)
    }

    /// Takes an item of the form `key=value`; an empty one is none.
    fn pair(&mut self, scratch: &mut [u8], text: &[u8]) -> Result<(), Rejected> {
        if text.is_empty() {
            return Ok(());
        }
        self.room.read(text.len())?;
        let (key, value) = sides(text)?;
        let key = Decode::new(key, self.encoding);
        self.item(scratch, key, value, self.encoding)
    }

    /// Takes the W3C's header `baggage`: plain keys, percent-encoded values, properties.
    pub(super) fn w3c_list(&mut self, scratch: &mut [u8], value: &[u8]) {
        for member in value.split(|byte| *byte == b',') {
            let outcome = self.member(scratch, member.trim_ascii());
            self.count(outcome);
        }
    }

    /// Takes a member of the form `key=value;properties`, without the properties; an empty one is
    /// none.
    fn member(&mut self, scratch: &mut [u8], text: &[u8]) -> Result<(), Rejected> {
        if text.is_empty() {
            return Ok(());
        }
        let members = self.members.checked_sub(1).ok_or(BaggageError::Full)?;
        self.members = members;
        self.room.read(text.len())?;
        let item = text.split(|byte| *byte == b';').next();
        let (key, value) = sides(item.unwrap_or_default())?;
        self.item(scratch, key.iter().copied(), value, Encoding::Percent)
    }

    /// Takes a list that is encoded as a whole.
    fn encoded_list(&mut self, scratch: &mut [u8], value: &[u8]) {
        if let Err(cause) = self.room.read(value.len()) {
            return self.dropped.count(cause);
        }
        let mut decoded = Decode::new(value, self.encoding);
        let mut more = true;
        while more {
            more = false;
            let mut part = decoded.by_ref().take_while(|byte| {
                more = *byte == b',';
                !more
            });
            let outcome = self.decoded_pair(scratch, &mut part);
            part.for_each(drop); // the rest, which did not fit the scratch buffer
            self.count(outcome);
        }
    }

    fn decoded_pair(
        &mut self,
        scratch: &mut [u8],
        text: impl Iterator<Item = u8>,
    ) -> Result<(), Rejected> {
        let (text, _) = fill(scratch, text).ok_or(BaggageError::TooLong)?;
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let (key, value) = sides(text)?;
        self.set(key, value)
    }

    /// Decodes an item in the scratch buffer.
    fn item(
        &mut self,
        scratch: &mut [u8],
        key: impl Iterator<Item = u8>,
        value: &[u8],
        encoding: Encoding,
    ) -> Result<(), Rejected> {
        let (key, rest) = fill(scratch, key).ok_or(BaggageError::TooLong)?;
        let value = Decode::new(value, encoding);
        let (value, _) = fill(rest, value).ok_or(BaggageError::TooLong)?;
        self.set(key, value)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Rejected> {
        let key = str::from_utf8(key).map_err(|_| BaggageError::IllegalKey)?;
        check_baggage_key(key)?;
        let value = str::from_utf8(value).map_err(|_| Rejected::Malformed)?;
        if !self.precedence.admits(key, &*self.sink) {
            return Ok(());
        }
        let name = self.prefix.saturating_add(key.len());
        self.room.inject(name.saturating_add(encoded_len(value)))?;
        Ok(self.sink.set(key, value)?)
    }

    fn count(&mut self, outcome: Result<(), Rejected>) {
        match outcome {
            Ok(()) => {}
            Err(Rejected::Malformed) => self.dropped.count_malformed(),
            Err(Rejected::Baggage(cause)) => self.dropped.count(cause),
        }
    }
}

impl Precedence {
    /// Returns whether an item of this key is to be set.
    fn admits(self, key: &str, sink: &dyn BaggageSink) -> bool {
        match self {
            Precedence::Last => true,
            Precedence::First => sink.key_like(key).is_none(),
            Precedence::LastUnlessCase => sink.key_like(key).is_none_or(|held| held == key),
        }
    }
}

/// The room for baggage in bytes: as they are injected, and as they are read. Each injected byte
/// is read from three at most, so that what is within the limit is always read.
struct Room {
    injected: usize,
    read: usize,
}

impl Room {
    fn new(limit: usize) -> Self {
        Room {
            injected: limit,
            read: limit.saturating_mul(3),
        }
    }

    /// Takes the bytes of an item as it is read, before the work of decoding it; unless it is too
    /// long for what is left in any case.
    fn read(&mut self, bytes: usize) -> Result<(), BaggageError> {
        if bytes / 3 > self.injected {
            return Err(BaggageError::OverLimit);
        }
        let left = self.read.checked_sub(bytes);
        self.read = left.ok_or(BaggageError::OverLimit)?;
        Ok(())
    }

    /// Takes the bytes of an item as it is injected.
    fn inject(&mut self, bytes: usize) -> Result<(), BaggageError> {
        let left = self.injected.checked_sub(bytes);
        self.injected = left.ok_or(BaggageError::OverLimit)?;
        Ok(())
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

/// Splits an item at its first `=`, without blanks around both sides.
fn sides(text: &[u8]) -> Result<(&[u8], &[u8]), Rejected> {
    let mut sides = text.splitn(2, |byte| *byte == b'=');
    match (sides.next(), sides.next()) {
        (Some(key), Some(value)) => Ok((key.trim_ascii(), value.trim_ascii())),
        _ => Err(Rejected::Malformed),
    }
}

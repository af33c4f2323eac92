//! A record: the image of a finished span.

use super::ElfImage;
use crate::relay::device::Image as _;
use crate::relay::payload::{Entry, Head, Id, Name, WireSpan, WireValue};

/// A record, as a span of the wire.
#[derive(Debug)]
pub(super) struct Record<'d> {
    /// The boot, as the header has it.
    pub(super) segment: u8,
    pub(super) wire: WireSpan<'d>,
}

/// The state of a span.
mod bits {
    pub(super) const SAMPLED: u16 = 1;
    /// Flags that a span keeps.
    pub(super) const FLAGS: u16 = 1 | 2 | 8 | 1 << 5;
    pub(super) const SEGMENT_SHIFT: u16 = 8;
    pub(super) const UNIX_START: u16 = 1 << 10;
    pub(super) const UNIX_END: u16 = 1 << 11;
    pub(super) const SAMPLER_SHIFT: u16 = 12;
    /// In the count of entries that had no room: one was cut or refused.
    pub(super) const CUT: u16 = 1 << 15;
}

/// An entry's header word.
mod header {
    pub(super) const KIND: u32 = 0xf;
    pub(super) const FIELD: u32 = 1 << 4;
    pub(super) const COPIED: u32 = 1 << 5;
    /// Of a boolean: true. Of a reference: follows from. Of a log: Unix time.
    pub(super) const SIXTH: u32 = 1 << 6;
    pub(super) const KEY_SHIFT: u32 = 8;
    pub(super) const VALUE_SHIFT: u32 = 16;
}

/// The kinds of entries behind those of values, which are 0 to 5.
mod kind {
    pub(super) const UNSIGNED: u32 = 5;
    pub(super) const REFERENCE: u32 = 6;
    pub(super) const LOG: u32 = 7;
    pub(super) const OPERATION: u32 = 8;
}

/// Reads the record of this number; `None` if it is none that a program with this image can have made.
pub(super) fn read<'d>(number: u32, body: &'d [u8], image: &ElfImage) -> Option<Record<'d>> {
    let mut rest = Words {
        rest: body,
        word: image.word(),
    };
    let place = rest.word()?;
    let [length, used, state, dropped] = rest.fields()?.map(u16::from_le_bytes);
    let [low, high, id, parent, start, end] = rest.fields::<8, 6>()?;
    let is_whole = rest.rest.len() == usize::from(used) * rest.word;
    let is_span = state & bits::SAMPLED != 0 && id != [0; 8] && [low, high] != [[0; 8]; 2];
    if !is_whole || !is_span {
        return None;
    }
    let mut entries = Vec::new();
    let mut copied = None;
    while !rest.rest.is_empty() {
        match rest.entry(image)? {
            Part::Entry(entry) => entries.push(entry),
            Part::Operation(name) => copied = Some(name),
        }
    }
    let operation = match place {
        0 => Name::Text(copied?),
        _ => known(place, length, image)?,
    };
    if dropped & !bits::CUT != 0 {
        entries.push(Entry::Dropped(dropped & !bits::CUT));
    }
    let (start, end) = (u64::from_le_bytes(start), u64::from_le_bytes(end));
    let head = Head {
        sequence: number,
        flags: (state & bits::FLAGS) as u8,
        state: wire_state(state, dropped),
        trace_high: u64::from_le_bytes(high),
        trace_low: low,
        span: Id::Other(id),
        parent: Id::Other(parent),
        operation,
        start,
        finish: end.wrapping_sub(start).cast_signed(),
    };
    Some(Record {
        segment: (state >> bits::SEGMENT_SHIFT & 3) as u8,
        wire: WireSpan { head, entries },
    })
}

/// Returns the state as frames have it.
fn wire_state(state: u16, dropped: u16) -> u8 {
    let is_set = |bits: u16, bit: u16| u8::from(bits & bit != 0);
    (state >> bits::SAMPLER_SHIFT) as u8
        | is_set(state, bits::UNIX_START) << 4
        | is_set(state, bits::UNIX_END) << 5
        | is_set(dropped, bits::CUT) << 6
}

/// Returns a name, if it is text of the image.
fn known<'d>(address: u64, length: u16, image: &ElfImage) -> Option<Name<'d>> {
    if length == 0 {
        return Some(Name::Text("")); // which lies nowhere
    }
    image.text(address, length)?;
    Some(Name::Static(address, length))
}

impl Record<'_> {
    /// Returns the end, if it is given in ticks.
    pub(super) fn end_ticks(&self) -> Option<u64> {
        let head = &self.wire.head;
        let end = head.start.wrapping_add_signed(head.finish);
        (!head.has_unix_finish()).then_some(end)
    }
}

/// An entry, or the name of the span.
enum Part<'d> {
    Entry(Entry<'d, Name<'d>>),
    Operation(&'d str),
}

/// Words that are read from the front.
struct Words<'d> {
    rest: &'d [u8],
    word: usize,
}

impl<'d> Words<'d> {
    /// Takes so many bytes, and what fills their last word.
    fn bytes(&mut self, length: usize) -> Option<&'d [u8]> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(length.next_multiple_of(self.word))?;
        self.rest = rest;
        bytes.get(..length)
    }

    /// Takes a word.
    fn word(&mut self) -> Option<u64> {
        let mut whole = [0; 8];
        let bytes = self.bytes(self.word)?;
        whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(whole))
    }

    /// Takes fields of one size, which fill whole words together.
    fn fields<const SIZE: usize, const COUNT: usize>(&mut self) -> Option<[[u8; SIZE]; COUNT]> {
        let bytes = self.bytes(SIZE * COUNT)?;
        bytes.as_chunks().0.first_chunk().copied()
    }

    /// Takes an entry.
    fn entry(&mut self, image: &ElfImage) -> Option<Part<'d>> {
        let head = u32::try_from(self.word()?).ok()?;
        let length = (head >> header::KEY_SHIFT & 0xff) as u16;
        let key = match head & header::COPIED {
            0 => known(self.word()?, length, image)?,
            _ => Name::Text(str::from_utf8(self.bytes(length.into())?).ok()?),
        };
        let value = self.bytes((head >> header::VALUE_SHIFT) as usize)?;
        let kind = head & header::KIND;
        if kind <= kind::UNSIGNED {
            let value = read_value(head, value)?;
            let entry = Entry::of_value(key, value, head & header::FIELD != 0);
            return Some(Part::Entry(entry));
        }
        let is_marked = head & header::SIXTH != 0;
        Some(match kind {
            kind::REFERENCE => {
                let [low, high, span] = *value.as_chunks::<8>().0 else {
                    return None;
                };
                let high = u64::from_le_bytes(high);
                Part::Entry(Entry::Reference(is_marked, high, low, span))
            }
            kind::LOG => Part::Entry(Entry::Log(number(value)?, is_marked)),
            kind::OPERATION => Part::Operation(str::from_utf8(value).ok()?),
            _ => return None,
        })
    }
}

fn read_value(head: u32, value: &[u8]) -> Option<WireValue<'_>> {
    Some(match head & header::KIND {
        0 => WireValue::Str(str::from_utf8(value).ok()?),
        1 => WireValue::F64(f64::from_bits(number(value)?)),
        2 => WireValue::Bool(head & header::SIXTH != 0),
        3 => WireValue::I64(number(value)?.cast_signed()),
        4 => WireValue::Bytes(value),
        _ => WireValue::U64(number(value)?),
    })
}

fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_le_bytes)
}

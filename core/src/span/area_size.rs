//! The bytes of a span's area.

use crate::arch::WORD;

/// Adds up the bytes that tags, logs and references take in a span's area, for its size as a constant.
///
/// Each method counts one entry, with a key that is a literal; [`AreaSize::copied_key`] adds what a key
/// that is copied takes more. Fields of logs count like tags.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, Ring, Seed, Tracer};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// use picojaeger_core::{AreaSize, StackSpan};
///
/// /// A channel, a mode of up to 4 bytes, and a log of one field.
/// const AREA: usize = AreaSize::new().number().text(4).log().boolean().bytes();
///
/// fn read(span: &mut StackSpan<'_, (Timer, Const), AREA>) {
///     span.tag("channel", 3).tag("mode", "fast").log().field("stable", true);
/// }
///
/// let mut span = TRACER.start::<AREA>("sample");
/// read(&mut span);
/// assert_eq!(span.record().dropped(), 0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "`bytes` returns the size"]
pub struct AreaSize {
    words: usize,
}

/// Words of an entry's header, and of a key that is a literal.
const HEADER: usize = 1;
const KEY: usize = 1;

impl AreaSize {
    /// Begins with no entry.
    pub const fn new() -> Self {
        AreaSize { words: 0 }
    }

    /// Adds a tag that is a number.
    pub const fn number(self) -> Self {
        self.plus(HEADER + KEY + words(8))
    }

    /// Adds a tag that is `true` or `false`.
    pub const fn boolean(self) -> Self {
        self.plus(HEADER + KEY)
    }

    /// Adds a tag of up to so many bytes of text or binary.
    pub const fn text(self, bytes: usize) -> Self {
        self.plus(HEADER + KEY + words(bytes))
    }

    /// Adds a log, without its fields.
    pub const fn log(self) -> Self {
        self.plus(HEADER + words(8))
    }

    /// Adds a reference to another span besides the parent.
    pub const fn reference(self) -> Self {
        self.plus(HEADER + words(24))
    }

    /// Adds an operation name of up to so many bytes that is copied.
    pub const fn copied_name(self, bytes: usize) -> Self {
        self.plus(HEADER + words(bytes))
    }

    /// Adds what the key of one tag takes more if it is copied, of up to so many bytes.
    pub const fn copied_key(self, bytes: usize) -> Self {
        self.plus(words(bytes).saturating_sub(KEY))
    }

    /// Returns the bytes, a multiple of the word.
    pub const fn bytes(self) -> usize {
        self.words * WORD
    }

    const fn plus(self, words: usize) -> Self {
        AreaSize {
            words: self.words + words,
        }
    }
}

const fn words(bytes: usize) -> usize {
    bytes.div_ceil(WORD)
}

#[cfg(test)]
mod tests {
    use crate::context::{Flags, SpanContext};
    use crate::id::{SpanId, TraceId};
    use crate::record::{Open, Reference, Timestamp};
    use crate::ring::Word;
    use crate::value::{Key, Value};

    use super::*;

    /// An image whose area has `N` words.
    fn image<const N: usize>() -> Open<[Word; N]> {
        let ids = (TraceId::from_parts(0, 1), SpanId::new(2));
        Open::new(
            "",
            SpanContext::new(ids.0, ids.1, Flags::SAMPLED),
            SpanId::default(),
            0,
        )
    }

    /// Asserts that the entries that `write` makes fit `$size`, and nothing smaller.
    macro_rules! exactly {
        ($size:expr, $write:expr) => {{
            const WORDS: usize = $size.bytes() / WORD;
            let write: fn(&mut Open) = $write;
            let mut whole = image::<WORDS>();
            write(&mut whole);
            assert!(whole.record().dropped() == 0 && !whole.record().is_cut());
            let mut short = image::<{ WORDS - 1 }>();
            write(&mut short);
            assert!(short.record().dropped() > 0 || short.record().is_cut());
        }};
    }

    #[test]
    fn entries_take_what_is_counted() {
        exactly!(AreaSize::new().number(), |image| {
            image.tag("n".into(), 7.into());
        });
        exactly!(AreaSize::new().number().boolean().number(), |image| {
            image.tag("f".into(), 1.5.into());
            image.tag("b".into(), true.into());
            image.tag("u".into(), u64::MAX.into());
        });
        exactly!(AreaSize::new().text(9).text(16), |image| {
            image.tag("a".into(), "nine byte".into());
            image.tag("b".into(), Value::Bytes(&[1; 16]));
        });
        exactly!(AreaSize::new().log().text(5).number(), |image| {
            if !image.try_log(Timestamp::Ticks(1)) {
                image.mark_dropped();
            }
            image.field("e".into(), "event".into());
            image.field("n".into(), 1.into());
        });
        exactly!(AreaSize::new().reference(), |image| {
            let other = Reference::new(true, TraceId::new(7), SpanId::new(8));
            if !image.try_reference(other) {
                image.mark_dropped();
            }
        });
        exactly!(AreaSize::new().copied_name(11), |image| {
            image.copy_operation("eleven byte");
        });
        exactly!(AreaSize::new().number().copied_key(19), |image| {
            image.tag(Key::copied("a key of 19 letters"), 1.into());
        });
        exactly!(AreaSize::new().number().copied_key(1), |image| {
            image.tag(Key::copied("k"), 1.into());
        });
    }
}

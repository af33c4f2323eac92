//! The part of an image that every span has.

use super::layout::{LONGEST_VALUE, boundary};
use crate::arch::{WORD, halves, join};
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;

/// The part of an image that every span has: 64 bytes, 60 on a 32-bit chip.
///
/// `used`, and what it counts in the area, are changed by [`Open`](super::Open) alone.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// Null where the name lies in the area.
    pub(super) operation: *const u8,
    pub(super) operation_length: u16,
    /// Words of the area that are written.
    pub(super) used: u16,
    pub(super) bits: u16,
    /// Entries that did not fit, and the bit [`CUT`].
    pub(super) dropped: u16,
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: SpanId,
    pub(super) start: [u32; 2],
    pub(super) end: [u32; 2],
}

// SAFETY: `operation` is null or points to text that lives as long as the program.
unsafe impl Send for Fixed {}
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for Fixed {}

/// The bit of [`Fixed::dropped`] by which an entry was cut or refused.
pub(super) const CUT: u16 = 1 << 15;

/// The state of a span, beside the flags that it keeps: bits 0, 1, 3 and 5.
pub(super) mod bits {
    /// The clock was not read at the start. Jaeger's flags leave this bit free.
    pub(in crate::record) const UNTIMED: u16 = 1 << 2;
    pub(in crate::record) const FINISHED: u16 = 1 << 4;
    pub(in crate::record) const REFERENCES: u16 = 1 << 6;
    pub(in crate::record) const LOGS: u16 = 1 << 7;
    pub(in crate::record) const SEGMENT: u16 = 3 << 8;
    pub(in crate::record) const SEGMENT_SHIFT: u16 = 8;
    pub(in crate::record) const EXPLICIT_START: u16 = 1 << 10;
    pub(in crate::record) const EXPLICIT_END: u16 = 1 << 11;
    pub(in crate::record) const SAMPLER_SHIFT: u16 = 12;
}

/// Words of the fixed part.
pub(super) const FIXED_WORDS: usize = size_of::<Fixed>() / WORD;
const _: () = assert!(size_of::<Fixed>() == FIXED_WORDS * WORD);
const _: () = assert!(size_of::<Fixed>() == 56 + WORD);

impl Fixed {
    /// The span's context; its flags are those that a span keeps.
    #[inline]
    pub(crate) const fn context(&self) -> SpanContext {
        SpanContext::new(self.trace, self.span, self.flags())
    }

    /// The wire flags, and [`Flags::RANDOM`].
    #[inline]
    pub(crate) const fn flags(&self) -> Flags {
        Flags::from_kept(self.bits as u8)
    }

    /// Whether the span is recorded and has not finished.
    #[inline]
    pub(crate) const fn is_writable(&self) -> bool {
        self.bits & (Flags::SAMPLED.wire() as u16 | bits::FINISHED) == Flags::SAMPLED.wire() as u16
    }

    /// Whether the span has finished.
    #[inline]
    pub(crate) const fn is_finished(&self) -> bool {
        self.bits & bits::FINISHED != 0
    }

    /// Whether the span knows when it started.
    #[inline]
    pub(crate) const fn is_timed(&self) -> bool {
        self.bits & bits::UNTIMED == 0
    }

    /// The clock's segment at the start, 0 to 3.
    #[inline]
    pub(crate) const fn segment(&self) -> u8 {
        ((self.bits & bits::SEGMENT) >> bits::SEGMENT_SHIFT) as u8
    }

    /// Names the clock's segment at the start, 0 to 3.
    #[inline]
    pub(crate) const fn set_segment(&mut self, segment: u8) {
        let kept = self.bits & !bits::SEGMENT;
        self.bits = kept | (segment as u16 & 3) << bits::SEGMENT_SHIFT;
    }

    /// The start of the span.
    #[inline(always)]
    pub(crate) const fn start(&self) -> Timestamp {
        instant(self.start, self.bits & bits::EXPLICIT_START != 0)
    }

    /// Words of the image.
    #[inline(always)]
    pub(crate) const fn image_words(&self) -> usize {
        FIXED_WORDS + self.used as usize
    }

    /// The fixed part of a span that starts, with a sampler's code and
    /// whether the clock was read, from [`Fixed::state`].
    #[inline(always)]
    pub(crate) const fn starting(
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
        state: u16,
    ) -> Self {
        Fixed {
            operation: operation.as_ptr(),
            operation_length: name_length(operation),
            used: 0,
            bits: context.flags.kept() as u16 | state,
            dropped: 0,
            trace: context.trace,
            span: context.span,
            parent,
            start: halves(start),
            end: [0; 2],
        }
    }

    /// The fixed part of a span without ids, which is not recorded.
    #[cold]
    #[inline(never)]
    pub(crate) fn absent(operation: &'static str) -> Self {
        // A zero that the compiler does not know: it would call a function that clears memory, of
        // 500 bytes.
        let zero = core::hint::black_box(0_u32).into();
        let trace = TraceId::from_parts(zero, zero);
        let context = SpanContext::new(trace, SpanId::new(zero), Flags::NONE);
        Fixed::starting(operation, context, SpanId::new(zero), zero, bits::UNTIMED)
    }

    #[inline(always)]
    pub(crate) const fn finish(&mut self, ticks: u64) {
        self.bits |= bits::FINISHED;
        self.end = halves(ticks);
    }

    #[inline(always)]
    pub(crate) const fn discard(&mut self) {
        self.bits |= bits::FINISHED;
    }

    /// Notes a given end, in Unix microseconds; the span stays open.
    #[inline(always)]
    pub(crate) const fn set_end(&mut self, unix_micros: u64) {
        self.bits |= bits::EXPLICIT_END;
        self.end = halves(unix_micros);
    }

    /// Notes the end at these ticks, unless one is given; the span stays open.
    #[inline]
    pub(crate) const fn note_end(&mut self, ticks: u64) {
        if self.bits & bits::EXPLICIT_END == 0 {
            self.end = halves(ticks);
        }
    }

    /// Notes that the span was sampled and is no more; its end is free until it finishes.
    pub(crate) const fn mark_cleared(&mut self) {
        self.end = [1; 2];
    }

    /// Whether the span, which is not sampled, once was.
    pub(crate) const fn was_cleared(&self) -> bool {
        join(self.end) != 0
    }

    #[inline]
    pub(crate) const fn set_flags(&mut self, flags: Flags) {
        let state = self.bits & !(Flags::KEPT.kept() as u16);
        self.bits = state | flags.kept() as u16;
    }

    #[inline]
    pub(crate) const fn set_start(&mut self, start: Timestamp) {
        let (time, bit) = match start {
            Timestamp::Ticks(ticks) => (ticks, 0),
            Timestamp::UnixMicros(micros) => (micros, bits::EXPLICIT_START),
        };
        self.start = halves(time);
        self.bits = self.bits & !(bits::EXPLICIT_START | bits::UNTIMED) | bit;
    }

    #[inline]
    pub(crate) const fn set_untimed(&mut self) {
        self.bits |= bits::UNTIMED;
    }

    #[inline]
    pub(crate) const fn set_sampler(&mut self, code: u8) {
        let kept = self.bits & !(0xf << bits::SAMPLER_SHIFT);
        self.bits = kept | (code as u16 & 0xf) << bits::SAMPLER_SHIFT;
    }

    /// A state for [`Fixed::starting`].
    #[inline]
    pub(crate) const fn state(sampler: u8, timed: bool) -> u16 {
        let untimed = if timed { 0 } else { bits::UNTIMED };
        (sampler as u16 & 0xf) << bits::SAMPLER_SHIFT | untimed
    }

    #[cold]
    #[inline(never)]
    pub(super) const fn mark_dropped(&mut self) {
        self.dropped = (self.dropped | CUT).saturating_add(1);
    }
}

/// The time of an image, which is Unix time where `explicit`.
#[inline]
pub(super) const fn instant(time: [u32; 2], explicit: bool) -> Timestamp {
    if explicit {
        Timestamp::UnixMicros(join(time))
    } else {
        Timestamp::Ticks(join(time))
    }
}

/// The length of a name, as far as it is kept.
#[inline]
pub(super) const fn name_length(name: &str) -> u16 {
    if name.len() > LONGEST_VALUE {
        boundary(name.as_bytes(), LONGEST_VALUE) as u16
    } else {
        name.len() as u16
    }
}

//! The image of a span that is open.

use super::fixed::{CUT, bits};
use super::{Area, Fixed, Image, Record};
use crate::arch::halves;
use crate::context::{Flags, SpanContext};
use crate::id::SpanId;
use crate::ring::Word;
use crate::time::Timestamp;

/// The image of an open span: its fixed part and an area of words for tags,
/// logs and references.
///
/// `A` is `[Word; N]`, at most 65,535 of them; a reference coerces to one without `N`. An
/// entry is 8 bytes and its value on a 32-bit chip, 16 bytes and its value
/// elsewhere, if its key is static. Nothing is taken after `finish`: callers
/// check [`Open::is_writable`] before they append.
///
/// ```
/// use picojaeger_core::adapter::record::Open;
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.tag("unit".into(), "celsius".into());
/// span.finish(1_500);
///
/// let record = span.record();
/// assert_eq!(record.operation(), "read");
/// assert_eq!(record.tags().next().unwrap().key, "unit");
/// ```
#[repr(C)]
#[derive(Debug)]
pub struct Open<A: ?Sized = [Word]> {
    pub(super) fixed: Fixed,
    pub(super) area: A,
}

impl<const N: usize> Open<[Word; N]> {
    /// The image of a span that started at `start` ticks; a zero `parent` is none.
    #[inline]
    pub const fn new(
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
    ) -> Self {
        const { assert!(N <= u16::MAX as usize, "an area has at most 65,535 words") };
        Open {
            fixed: Fixed::starting(operation, context, parent, start, 0),
            area: [const { Word::uninit() }; N],
        }
    }
}

impl<A> Open<A> {
    /// The image with this fixed part and nothing in its area.
    #[inline]
    pub(crate) const fn begun(fixed: Fixed, area: A) -> Self {
        Open { fixed, area }
    }
}

impl<A: Area + ?Sized> Open<A> {
    /// Starts over as the image of another span, with a sampler's code as of
    /// [`Open::set_sampler`].
    #[inline]
    pub fn restart(
        &mut self,
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
        sampler: u8,
    ) {
        let state = Fixed::state(sampler, true);
        self.fixed = Fixed::starting(operation, context, parent, start, state);
    }

    /// Gives the span its identity, and keeps what was appended.
    #[inline]
    pub fn identify(&mut self, context: SpanContext, parent: SpanId, start: u64) {
        self.set_flags(context.flags);
        self.fixed.trace = context.trace;
        self.fixed.span = context.span;
        self.fixed.parent = parent;
        self.fixed.start = halves(start);
    }

    /// Replaces the wire flags and [`Flags::RANDOM`].
    #[inline]
    pub const fn set_flags(&mut self, flags: Flags) {
        self.fixed.set_flags(flags);
    }

    /// Names the code of the sampler's answer, 1 to 15; its description becomes
    /// the tags `sampler.type` and `sampler.param`. 0 names none.
    #[inline]
    pub const fn set_sampler(&mut self, code: u8) {
        self.fixed.set_sampler(code);
    }

    /// Names the clock's segment at the start, 0 to 3.
    #[inline]
    pub const fn set_segment(&mut self, segment: u8) {
        self.fixed.set_segment(segment);
    }

    /// Sets the start again.
    #[inline]
    pub const fn set_start(&mut self, start: Timestamp) {
        self.fixed.set_start(start);
    }

    /// Records that the clock was not read at the start, until that is set again.
    #[inline]
    pub const fn set_untimed(&mut self) {
        self.fixed.set_untimed();
    }

    /// Sets the parent again; zero for none.
    #[inline]
    pub const fn set_parent(&mut self, parent: SpanId) {
        self.fixed.parent = parent;
    }

    /// Ends the span at these ticks.
    #[inline]
    pub const fn finish(&mut self, ticks: u64) {
        self.fixed.finish(ticks);
    }

    /// Notes the end, in ticks, of a span that nobody will write to again; it does not
    /// count as finished, which a record need not.
    #[inline]
    pub const fn set_finish(&mut self, ticks: u64) {
        self.fixed.end = halves(ticks);
    }

    /// Ends the span at a given Unix time, in microseconds.
    #[inline]
    pub const fn finish_at(&mut self, unix_micros: u64) {
        self.fixed.bits |= bits::FINISHED | bits::EXPLICIT_END;
        self.fixed.end = halves(unix_micros);
    }

    /// Ends a span that is not recorded.
    #[inline(always)]
    pub const fn discard(&mut self) {
        self.fixed.discard();
    }

    /// The span's context; its flags are the wire flags.
    #[inline(always)]
    pub const fn context(&self) -> SpanContext {
        self.fixed.context()
    }

    /// The parent's span id, zero for a root.
    #[inline(always)]
    pub const fn parent(&self) -> SpanId {
        self.fixed.parent
    }

    /// The wire flags.
    #[inline(always)]
    pub const fn flags(&self) -> Flags {
        self.fixed.flags()
    }

    /// Whether the span is recorded and has not finished.
    #[inline(always)]
    pub const fn is_writable(&self) -> bool {
        self.fixed.is_writable()
    }

    /// Whether the span has finished.
    #[inline(always)]
    pub const fn is_finished(&self) -> bool {
        self.fixed.is_finished()
    }

    /// Whether the span knows when it started.
    #[inline(always)]
    pub const fn is_timed(&self) -> bool {
        self.fixed.is_timed()
    }

    /// The start of the span.
    #[inline(always)]
    pub const fn start(&self) -> Timestamp {
        self.fixed.start()
    }

    /// Words of the image.
    #[inline(always)]
    pub const fn image_words(&self) -> usize {
        self.fixed.image_words()
    }

    /// Words of the area.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.area.words().len()
    }

    /// The image, to be handed to a ring.
    #[inline(always)]
    pub fn image(&self) -> Image<'_> {
        Image {
            fixed: &self.fixed,
            area: self.written(),
        }
    }

    /// The record that this image is so far; its sequence number is 0.
    pub fn record(&self) -> Record<'_> {
        Record {
            fixed: &self.fixed,
            area: self.written(),
            sequence: 0,
        }
    }

    /// Copies the whole image into another; `false` if its area is too small.
    pub fn copy_to(&self, other: &mut Open) -> bool {
        let written = self.written();
        let Some(room) = other.area.get_mut(..written.len()) else {
            return false;
        };
        room.copy_from_slice(written);
        other.fixed = self.fixed;
        true
    }

    /// Marks the span as cut: it gets the tag `picojaeger.truncated`.
    #[inline(always)]
    pub const fn mark_cut(&mut self) {
        self.fixed.dropped |= CUT;
    }

    /// Counts an entry that was refused; the span gets the tag `picojaeger.dropped`.
    pub const fn mark_dropped(&mut self) {
        self.fixed.mark_dropped();
    }

    /// The fixed part, and what is written of the area.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut Fixed, &[Word]) {
        let words = self.area.words().get(..self.fixed.used as usize);
        (&mut self.fixed, words.unwrap_or(&[]))
    }

    #[inline]
    pub(crate) const fn fixed_mut(&mut self) -> &mut Fixed {
        &mut self.fixed
    }

    /// Notes a given end, in Unix microseconds; the span stays open.
    #[inline]
    pub(crate) const fn set_end(&mut self, unix_micros: u64) {
        self.fixed.set_end(unix_micros);
    }

    #[inline]
    fn written(&self) -> &[Word] {
        let (words, used) = (self.area.words(), self.fixed.used as usize);
        debug_assert!(used <= words.len());
        // SAFETY: `used` is 0 in every image that begins, and only moves behind an entry
        // that was written to this area, or copied to it with the words before.
        unsafe { words.get_unchecked(..used) }
    }
}

//! The open span on its owner's stack.

mod area_size;
mod builder;
mod log;

use core::fmt;
use core::mem::MaybeUninit;

use crate::context::{SpanContext, ToContext};
use crate::record::{Area, AreaBytes, ByteArea, Open, Record, Timestamp};
use crate::tags::{SAMPLED_LATE, SAMPLING_PRIORITY};
use crate::tracer::{Platform, Ring, SpanRing, Tracer};
use crate::value::{Key, Value};

pub use area_size::AreaSize;
pub use builder::{SpanBuilder, SpanReference};
pub use log::LogBuilder;

/// An open span. It finishes by [`Span::finish`] or when it is dropped, and its record goes
/// to the tracer's ring.
///
/// `B` is the area for tags, logs and references; a `&Span<'_, P, [_; N]>`
/// coerces to `&Span<'_, P>`, without the size. A span that is forgotten never
/// finishes, and counts as open. A span that is not sampled writes nothing.
///
/// [`AreaSize`] adds up the area's bytes, and [`StackSpan`] names the type. Bytes of the area that an
/// entry takes on a 32-bit chip: a number 16, text 8
/// and its length, a boolean 8, a log 12 and its fields, a reference 28; copied
/// keys and names their length more. On others: 24, 16, 16, 16, 32. All lengths
/// are rounded up to words.
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
/// # use picojaeger_core::{Interrupts, Ring, Seed, Span, Tracer};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// fn measure(span: &mut Span<'_, (Timer, Const)>) {
///     span.tag("celsius", 21.5).log().field("event", "stable").field("after", 3);
/// }
///
/// let mut span = TRACER.start::<128>("measure");
/// measure(&mut span);
/// assert_eq!(span.record().tags().next().unwrap().value, 21.5.into());
/// ```
#[derive(Debug)]
pub struct Span<'t, P, B = [MaybeUninit<u8>], R = Ring>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    tracer: &'t Tracer<P, R>,
    image: Open<AreaBytes<B>>,
}

/// A span with an area of `N` bytes, as [`Tracer::start`] and [`SpanBuilder::start`] return it; see
/// [`AreaSize`] for an example.
pub type StackSpan<'t, P, const N: usize, R = Ring> = Span<'t, P, [MaybeUninit<u8>; N], R>;

impl<'t, P, B, R> Span<'t, P, B, R>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    /// Appends a tag; a key that is set twice is sent twice.
    ///
    /// As [`SAMPLING_PRIORITY`], a number above 0 or `true` sets the sampled and the debug flag, 0
    /// or `false` clears both. A value that does not fit is truncated or left out, and the span is
    /// marked.
    #[inline(always)]
    pub fn tag<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        if key.as_str().len() == SAMPLING_PRIORITY.len() {
            self.prioritise(key, value);
        }
        if self.image.is_writable() {
            self.image.tag(key, value);
        }
        self
    }

    /// Appends a tag whose value is formatted into the span's area, without a buffer; text that
    /// does not fit is truncated at the end of a character, and the span is marked.
    pub fn tag_fmt<'k>(&mut self, key: impl Into<Key<'k>>, value: fmt::Arguments<'_>) -> &mut Self {
        if self.image.is_writable() {
            self.image.tag_fmt(key.into(), value);
        }
        self
    }

    /// Begins a log at this moment; it is written with its first field.
    #[inline]
    pub fn log(&mut self) -> LogBuilder<'_, 't, P, B, R> {
        LogBuilder::new(self, None)
    }

    /// Begins a log at a given Unix time, in microseconds; it is written with its first
    /// field.
    #[inline]
    pub fn log_at(&mut self, unix_micros: u64) -> LogBuilder<'_, 't, P, B, R> {
        LogBuilder::new(self, Some(Timestamp::UnixMicros(unix_micros)))
    }

    /// Begins a log at these ticks of [`Tracer::now`] or [`Tracer::captured`]; it is written with
    /// its first field.
    #[inline]
    pub fn log_ticks(&mut self, ticks: u64) -> LogBuilder<'_, 't, P, B, R> {
        LogBuilder::new(self, Some(Timestamp::Ticks(ticks)))
    }

    /// Replaces the operation name; ignored once the span has finished. The sampler is not asked
    /// again.
    #[inline]
    pub fn set_operation_name<'a>(&mut self, name: impl Into<Key<'a>>) -> &mut Self {
        if !self.image.is_finished() {
            match name.into() {
                Key::Static(name) => self.image.set_operation(name),
                Key::Copied(name) => self.image.copy_operation(name),
            }
        }
        self
    }

    /// Finishes the span; a second call does nothing.
    #[inline(always)]
    pub fn finish(&mut self) {
        self.tracer.end(Area::erase(&mut self.image));
    }

    /// Finishes the span at a given Unix time, in microseconds; a second call does nothing.
    #[inline]
    pub fn finish_at(&mut self, unix_micros: u64) {
        if !self.image.is_finished() {
            self.image.set_end(unix_micros);
            self.finish();
        }
    }

    /// Finishes the span at these ticks of [`Tracer::now`] or [`Tracer::captured`]; a second call
    /// does nothing.
    #[inline]
    pub fn finish_ticks(&mut self, ticks: u64) {
        self.tracer.end_at(Area::erase(&mut self.image), ticks);
    }

    /// Returns the context that children and other processes continue; valid after the finish too.
    #[inline(always)]
    pub fn context(&self) -> SpanContext {
        self.image.context()
    }

    /// Returns whether tags and logs are recorded: the span is sampled and has not finished.
    #[inline(always)]
    pub fn is_writable(&self) -> bool {
        self.image.is_writable()
    }

    /// Returns the record of the span so far.
    pub fn record(&self) -> Record<'_> {
        self.image.record()
    }

    /// Applies a sampling priority, if the key is one.
    #[cold]
    fn prioritise(&mut self, key: Key<'_>, value: Value<'_>) {
        if key.as_str() != SAMPLING_PRIORITY {
            return;
        }
        if let Some(on) = value.is_positive()
            && self.tracer.prioritise(self.image.fixed_mut(), on)
        {
            self.image.tag(Key::Static(SAMPLED_LATE), Value::Bool(true));
        }
    }
}

impl<P, B, R> Drop for Span<'_, P, B, R>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    #[inline(always)]
    fn drop(&mut self) {
        if !self.image.is_finished() {
            self.finish();
        }
    }
}

impl<P, B, R> ToContext for Span<'_, P, B, R>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    const IS_LOCAL: bool = true;

    #[inline(always)]
    fn to_context(&self) -> Option<SpanContext> {
        Some(self.context())
    }
}

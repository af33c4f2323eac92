//! A log while it is written.

use core::fmt;
use core::mem::MaybeUninit;

use crate::record::{AreaBytes, ByteArea, Timestamp};
use crate::span::Span;
use crate::tracer::{Platform, Ring, SpanRing};
use crate::value::{Key, Value};

/// Appends the fields of a log to its span.
///
/// Each field is written at once, so the log needs no end: a builder that is forgotten leaves the
/// fields so far, one without fields nothing. Fields that do not fit are counted on the span.
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
/// let mut span = TRACER.start::<256>("boot");
/// span.log().field("event", "reset").field("cause", 3);
/// span.log_at(1_700_000_000_000_000).field("event", "time known").field_fmt("offset", format_args!("{:+}", 5));
/// assert_eq!(span.record().logs().count(), 2);
/// ```
#[derive(Debug)]
pub struct LogBuilder<'s, 't, P, B = [MaybeUninit<u8>], R = Ring>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    span: &'s mut Span<'t, P, B, R>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// To be written at the time of its first field.
    New,
    /// To be written at a given time.
    At(Timestamp),
    Written,
    Refused,
}

impl<'s, 't, P, B, R> LogBuilder<'s, 't, P, B, R>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    #[inline]
    pub(super) fn new(span: &'s mut Span<'t, P, B, R>, at: Option<Timestamp>) -> Self {
        let state = match at {
            None => State::New,
            Some(time) => State::At(time),
        };
        LogBuilder { span, state }
    }

    /// Appends a field.
    #[inline]
    pub fn field<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        let value = value.into();
        if !matches!(value, Value::Absent) && self.is_begun() {
            self.span.image.field(key.into(), value);
        }
        self
    }

    /// Appends a field whose value is formatted into the span's area, without a buffer.
    pub fn field_fmt<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: fmt::Arguments<'_>,
    ) -> &mut Self {
        if self.is_begun() {
            self.span.image.field_fmt(key.into(), value);
        }
        self
    }

    /// Begins the log if it has not begun; returns whether it takes fields.
    #[inline]
    fn is_begun(&mut self) -> bool {
        if !self.span.image.is_writable() {
            return false;
        }
        self.begin();
        matches!(self.state, State::Written)
    }

    /// Writes the log itself, once.
    fn begin(&mut self) {
        let time = match self.state {
            State::New => self.span.tracer.now().map(Timestamp::Ticks),
            State::At(time) => Some(time),
            State::Written | State::Refused => return,
        };
        let image = &mut self.span.image;
        self.state = if time.is_some_and(|time| image.try_log(time)) {
            State::Written
        } else {
            image.mark_dropped();
            State::Refused
        };
    }
}

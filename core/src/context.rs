//! Span contexts, which children and other processes continue.

use core::ops::{BitAnd, BitOr};

use crate::id::{SpanId, TraceId};

/// The flag bits of a context.
///
/// The bits of [`Flags::WIRE`] travel in headers and packets (Jaeger's values); the others record
/// the origin of the context within this process.
///
/// ```
/// use picojaeger_core::Flags;
///
/// let flags = Flags::SAMPLED | Flags::DEBUG;
/// assert!(flags.contains(Flags::DEBUG));
/// assert_eq!(flags.wire(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[repr(transparent)]
pub struct Flags(u32);

/// The identity of a span: trace id, span id and flags; 28 bytes, 32 on a 64-bit system.
///
/// Baggage travels beside it.
///
/// ```
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// assert!(context.is_valid());
/// assert!(context.flags().contains(Flags::SAMPLED));
/// assert_eq!(context.to_string(), "0000000000000001:0000000000000002:0:1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[repr(C)]
pub struct SpanContext {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) flags: Flags,
}

/// The argument of `child_of` and `follows_from`: a span, a context, or an option
/// of either; `None` adds nothing.
///
/// ```
/// use picojaeger_core::{ToContext, SpanContext};
///
/// let remote: Option<SpanContext> = None;
/// assert!(remote.to_context().is_none());
/// ```
pub trait ToContext {
    /// Returns the context, if there is one.
    fn to_context(&self) -> Option<SpanContext>;

    /// Whether this is a span of this program: it has ids, and it is sampled or not. A chip's
    /// program whose parents all are has no code for others.
    #[doc(hidden)]
    const IS_LOCAL: bool = false;
}

impl Flags {
    /// No flag: the trace is not sampled.
    pub const NONE: Flags = Flags(0);
    /// The trace is sampled: its spans are recorded and sent.
    pub const SAMPLED: Flags = Flags(1);
    /// The trace is sampled, regardless of the backend's own sampling.
    pub const DEBUG: Flags = Flags(2);
    /// The backend stores the trace without indexing it.
    pub const FIREHOSE: Flags = Flags(8);
    /// All bits that leave the process.
    pub const WIRE: Flags = Flags(1 | 2 | 8);
    /// The trace id is random in its last 56 bits, as a `traceparent` said. Children keep the flag;
    /// of all headers, only that one has it.
    pub const RANDOM: Flags = Flags(1 << 5);
    /// The bits that an open span keeps.
    pub(crate) const KEPT: Flags = Self::WIRE.with(Self::RANDOM);
    /// The context came from another process.
    pub const REMOTE: Flags = Flags(1 << 8);
    /// The other process deferred the decision to this one.
    pub const DEFERRED: Flags = Flags(1 << 9);
    /// The context has no ids: another process only decided about a trace that begins here.
    pub const WITHOUT_IDS: Flags = Flags(1 << 11);

    /// Reads the flags of Jaeger's header value or packet field; clears other bits.
    #[inline(always)]
    pub const fn from_wire(bits: u8) -> Self {
        Flags(bits as u32 & Self::WIRE.0)
    }

    /// Returns the bits that leave the process.
    #[inline(always)]
    pub const fn wire(self) -> u8 {
        (self.0 & Self::WIRE.0) as u8
    }

    /// Reads the bits that a span keeps, in its own layout; clears other bits.
    #[inline(always)]
    pub(crate) const fn from_kept(bits: u8) -> Self {
        Flags(bits as u32 & Self::KEPT.0)
    }

    /// Returns the bits that a span keeps.
    #[inline(always)]
    pub(crate) const fn kept(self) -> u8 {
        (self.0 & Self::KEPT.0) as u8
    }

    /// Returns whether every bit of `other` is set.
    #[inline(always)]
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns these flags and those of `other`: `|` for constants.
    #[inline(always)]
    pub const fn with(self, other: Flags) -> Self {
        Flags(self.0 | other.0)
    }

    /// Returns the flags that both have: `&` for constants.
    #[inline(always)]
    pub const fn only(self, other: Flags) -> Self {
        Flags(self.0 & other.0)
    }

    /// Returns these flags without those of `other`.
    #[inline(always)]
    pub const fn without(self, other: Flags) -> Self {
        Flags(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Flags;
    #[inline(always)]
    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

impl BitAnd for Flags {
    type Output = Flags;
    #[inline(always)]
    fn bitand(self, other: Flags) -> Flags {
        self.only(other)
    }
}

impl SpanContext {
    /// Makes a context of these parts.
    #[inline(always)]
    pub const fn new(trace: TraceId, span: SpanId, flags: Flags) -> Self {
        SpanContext { trace, span, flags }
    }

    /// Returns the id of the span's trace.
    #[inline(always)]
    pub const fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// Returns the span's own id.
    #[inline(always)]
    pub const fn span_id(&self) -> SpanId {
        self.span
    }

    /// Returns the flags: sampled, debug, firehose, and the origin of the context.
    #[inline(always)]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Returns whether the span is recorded and sent.
    #[inline(always)]
    pub const fn is_sampled(&self) -> bool {
        self.flags.contains(Flags::SAMPLED)
    }

    /// Returns whether both ids are set; a span can only continue a valid context.
    #[inline(always)]
    pub const fn is_valid(&self) -> bool {
        !self.trace.is_zero() && !self.span.is_zero()
    }
}

impl ToContext for SpanContext {
    #[inline(always)]
    fn to_context(&self) -> Option<SpanContext> {
        Some(*self)
    }
}

impl<T: ToContext> ToContext for Option<T> {
    const IS_LOCAL: bool = T::IS_LOCAL;

    #[inline(always)]
    fn to_context(&self) -> Option<SpanContext> {
        self.as_ref().and_then(T::to_context)
    }
}

impl<T: ToContext + ?Sized> ToContext for &T {
    const IS_LOCAL: bool = T::IS_LOCAL;

    #[inline(always)]
    fn to_context(&self) -> Option<SpanContext> {
        (**self).to_context()
    }
}

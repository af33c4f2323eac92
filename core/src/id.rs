//! Trace and span ids.

use core::fmt;

use crate::arch::Bits;

/// A 64- or 128-bit trace id; never zero in a valid context.
///
/// Kept in the machine's words, least significant first, so that it needs no
/// 8-byte alignment on a 32-bit chip. `Display` writes 16 lower-case hex
/// digits, or 32 if the high half is not zero.
///
/// ```
/// use picojaeger_core::TraceId;
///
/// let id = TraceId::from_parts(0, 0xab);
/// assert_eq!(id.low(), 0xab);
/// assert_eq!(format!("{id}"), "00000000000000ab");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct TraceId {
    low: SpanId,
    high: SpanId,
}

/// A 64-bit span id; zero stands for "none".
///
/// ```
/// use picojaeger_core::SpanId;
///
/// assert_eq!(format!("{}", SpanId::new(0x1f)), "000000000000001f");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct SpanId(Bits);

impl TraceId {
    /// The id whose upper and lower 64 bits are given.
    #[inline(always)]
    pub const fn from_parts(high: u64, low: u64) -> Self {
        TraceId {
            low: SpanId::new(low),
            high: SpanId::new(high),
        }
    }

    /// The id of a root span's trace: its lower half is the span's own id.
    #[inline(always)]
    pub(crate) const fn of_root(root: SpanId, high: SpanId) -> Self {
        TraceId { low: root, high }
    }

    /// The upper 64 bits, zero for a 64-bit id.
    #[inline(always)]
    pub const fn high(self) -> u64 {
        self.high.get()
    }

    /// The lower 64 bits, which samplers decide by.
    #[inline(always)]
    pub const fn low(self) -> u64 {
        self.low.get()
    }

    /// Whether all bits are zero, which no valid trace id is.
    #[inline(always)]
    pub const fn is_zero(self) -> bool {
        self.low.is_zero() && self.high.is_zero()
    }
}

impl SpanId {
    /// The id of these 64 bits.
    #[inline(always)]
    pub const fn new(bits: u64) -> Self {
        SpanId(Bits::new(bits))
    }

    /// The 64 bits.
    #[inline(always)]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// Whether this is the id that stands for "none".
    #[inline(always)]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.high() != 0 {
            write!(f, "{:016x}", self.high())?;
        }
        write!(f, "{:016x}", self.low())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.get())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

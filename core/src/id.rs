//! Trace and span ids.

use core::fmt;

/// A 64- or 128-bit trace id; never zero in a valid context.
///
/// Kept as four 32-bit words, least significant first, so that it needs no
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
#[repr(transparent)]
pub struct TraceId(pub(crate) [u32; 4]);

/// A 64-bit span id; zero stands for "none".
///
/// ```
/// use picojaeger_core::SpanId;
///
/// assert_eq!(format!("{}", SpanId::new(0x1f)), "000000000000001f");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct SpanId(pub(crate) [u32; 2]);

impl TraceId {
    /// The id whose upper and lower 64 bits are given.
    #[inline(always)]
    pub const fn from_parts(high: u64, low: u64) -> Self {
        let (h, l) = (halves(high), halves(low));
        TraceId([l[0], l[1], h[0], h[1]])
    }

    /// The upper 64 bits, zero for a 64-bit id.
    #[inline(always)]
    pub const fn high(self) -> u64 {
        join([self.0[2], self.0[3]])
    }

    /// The lower 64 bits, which samplers decide by.
    #[inline(always)]
    pub const fn low(self) -> u64 {
        join([self.0[0], self.0[1]])
    }

    /// Whether all bits are zero, which no valid trace id is.
    #[inline(always)]
    pub const fn is_zero(self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }
}

impl SpanId {
    /// The id of these 64 bits.
    #[inline(always)]
    pub const fn new(bits: u64) -> Self {
        SpanId(halves(bits))
    }

    /// The 64 bits.
    #[inline(always)]
    pub const fn get(self) -> u64 {
        join(self.0)
    }

    /// Whether this is the id that stands for "none".
    #[inline(always)]
    pub const fn is_zero(self) -> bool {
        self.0[0] | self.0[1] == 0
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

/// The two 32-bit halves of `bits`, least significant first.
#[inline(always)]
pub(crate) const fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

/// The inverse of [`halves`].
#[inline(always)]
pub(crate) const fn join(halves: [u32; 2]) -> u64 {
    halves[0] as u64 | (halves[1] as u64) << 32
}

//! Trace and span ids.

use core::cmp::Ordering;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::arch::Bits;
use crate::debug::debug_as_display;

/// A 64- or 128-bit trace id; never zero in a valid context.
///
/// Kept in the machine's words, least significant first, so that it needs no
/// 8-byte alignment on a 32-bit chip. `Display` writes 16 lower-case hex
/// digits, or 32 if the high half is not zero. Ids are ordered as numbers.
///
/// ```
/// use picojaeger_core::TraceId;
///
/// let id = TraceId::from_parts(0, 0xab);
/// assert_eq!((id.low(), u128::from(id)), (0xab, 0xab));
/// assert_eq!(format!("{id} {id:x} {id:032x}"), "00000000000000ab ab 000000000000000000000000000000ab");
/// assert_eq!("AB".parse(), Ok(id));
/// assert!(id < TraceId::from_parts(1, 0));
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
/// let id = SpanId::new(0x1f);
/// assert_eq!(format!("{id} {id:x}"), "000000000000001f 1f");
/// assert_eq!(("1F".parse(), u64::from(id)), (Ok(id), 0x1f));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct SpanId(Bits);

/// The error of a text that is no id.
///
/// ```
/// use picojaeger_core::{ParseIdError, SpanId};
///
/// assert_eq!("0x1f".parse::<SpanId>(), Err(ParseIdError::NotHex));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseIdError {
    /// The text is empty.
    Empty,
    /// A character is no hex digit; signs and prefixes are not allowed.
    NotHex,
    /// There are more digits than the id holds.
    TooLong,
}

impl TraceId {
    /// Makes an id of 128 bits.
    #[inline(always)]
    pub const fn new(bits: u128) -> Self {
        TraceId::from_parts((bits >> 64) as u64, bits as u64)
    }

    /// Returns the 128 bits.
    #[inline(always)]
    pub const fn get(self) -> u128 {
        (self.high() as u128) << 64 | self.low() as u128
    }

    /// Reads 1 to 32 hex digits of either case, as [`str::parse`] does, for constants.
    ///
    /// # Errors
    /// The text is anything else.
    pub const fn parse(text: &str) -> Result<Self, ParseIdError> {
        match parse(text.as_bytes(), 32) {
            Ok((high, low)) => Ok(TraceId::from_parts(high, low)),
            Err(error) => Err(error),
        }
    }

    /// Makes an id of its upper and lower 64 bits.
    #[inline(always)]
    pub const fn from_parts(high: u64, low: u64) -> Self {
        TraceId {
            low: SpanId::new(low),
            high: SpanId::new(high),
        }
    }

    /// Makes the id of a root span's trace: its lower half is the span's own id.
    #[inline(always)]
    pub(crate) const fn of_root(root: SpanId, high: SpanId) -> Self {
        TraceId { low: root, high }
    }

    /// Returns the upper 64 bits, zero for a 64-bit id.
    #[inline(always)]
    pub const fn high(self) -> u64 {
        self.high.get()
    }

    /// Returns the lower 64 bits, which samplers decide by.
    #[inline(always)]
    pub const fn low(self) -> u64 {
        self.low.get()
    }

    /// Returns whether all bits are zero; a valid trace id is not zero.
    #[inline(always)]
    pub const fn is_zero(self) -> bool {
        self.low.is_zero() && self.high.is_zero()
    }
}

impl SpanId {
    /// Reads 1 to 16 hex digits of either case, as [`str::parse`] does, for constants.
    ///
    /// # Errors
    /// The text is anything else.
    pub const fn parse(text: &str) -> Result<Self, ParseIdError> {
        match parse(text.as_bytes(), 16) {
            Ok((_, low)) => Ok(SpanId::new(low)),
            Err(error) => Err(error),
        }
    }

    /// Makes an id of 64 bits.
    #[inline]
    pub const fn new(bits: u64) -> Self {
        SpanId(Bits::new(bits))
    }

    /// Returns the 64 bits.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// Returns whether the id is zero, which stands for "none".
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl Ord for TraceId {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.high.cmp(&other.high).then(self.low.cmp(&other.low))
    }
}

impl PartialOrd for TraceId {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SpanId {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().cmp(&other.get())
    }
}

impl PartialOrd for SpanId {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u128> for TraceId {
    #[inline(always)]
    fn from(bits: u128) -> Self {
        TraceId::new(bits)
    }
}

impl From<TraceId> for u128 {
    #[inline(always)]
    fn from(id: TraceId) -> Self {
        id.get()
    }
}

impl From<u64> for SpanId {
    #[inline(always)]
    fn from(bits: u64) -> Self {
        SpanId::new(bits)
    }
}

impl From<SpanId> for u64 {
    #[inline(always)]
    fn from(id: SpanId) -> Self {
        id.get()
    }
}

/// Reads 1 to 32 hex digits of either case.
impl FromStr for TraceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        TraceId::parse(text)
    }
}

/// Reads 1 to 16 hex digits of either case.
impl FromStr for SpanId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        SpanId::parse(text)
    }
}

impl fmt::LowerHex for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.get(), f)
    }
}

impl fmt::LowerHex for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.get(), f)
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

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseIdError::Empty => {
                "the id is empty: write 1 to 32 hex digits for a trace, 1 to 16 for a span"
            }
            ParseIdError::NotHex => {
                "the id has a character that is no hex digit: write 0 to 9 and a to f, without sign or prefix"
            }
            ParseIdError::TooLong => {
                "the id is too long: write at most 32 hex digits for a trace, 16 for a span"
            }
        })
    }
}

impl Error for ParseIdError {}

debug_as_display!(ParseIdError);

/// Reads 1 to `most` hex digits; returns the upper and the lower 64 bits.
const fn parse(text: &[u8], most: usize) -> Result<(u64, u64), ParseIdError> {
    let ([mut high, mut low], mut rest) = ([0u64; 2], text);
    while let [byte, tail @ ..] = rest {
        let Some(digit) = (*byte as char).to_digit(16) else {
            return Err(ParseIdError::NotHex);
        };
        high = high << 4 | low >> 60;
        low = low << 4 | digit as u64;
        rest = tail;
    }
    match text.len() {
        0 => Err(ParseIdError::Empty),
        length if length > most => Err(ParseIdError::TooLong),
        _ => Ok((high, low)),
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    const HIGH: u64 = 0xfedc_ba98_7654_3210;
    const LOW: u64 = 0x0123_4567_89ab_cdef;

    #[test]
    fn ids_are_read_back_as_written() {
        for id in [
            TraceId::from_parts(HIGH, LOW),
            TraceId::from_parts(0, LOW),
            TraceId::new(u128::MAX),
            TraceId::default(),
        ] {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(std::format!("{id:x}").parse(), Ok(id));
            assert_eq!(TraceId::from(u128::from(id)), id);
        }
        let id = SpanId::new(HIGH);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(std::format!("{id:#06x} {id:032x}").len(), 18 + 1 + 32);
        assert_eq!(SpanId::from(u64::from(id)), id);
    }

    #[test]
    fn either_case_is_read_and_nothing_else() {
        const ID: Result<SpanId, ParseIdError> = SpanId::parse("aBcDeF");
        assert_eq!(ID, Ok(SpanId::new(0xab_cdef)));
        assert_eq!("1".parse(), Ok(TraceId::new(1)));
        for text in ["+1", "-1", "0x1", " 1", "1 ", "g", "\u{e9}", "1_0"] {
            assert_eq!(text.parse::<TraceId>(), Err(ParseIdError::NotHex), "{text}");
        }
        assert_eq!("".parse::<SpanId>(), Err(ParseIdError::Empty));
        let long = "0".repeat(33);
        assert_eq!(long.parse::<TraceId>(), Err(ParseIdError::TooLong));
        assert_eq!(long[..17].parse::<SpanId>(), Err(ParseIdError::TooLong));
        assert_eq!(long[..32].parse(), Ok(TraceId::new(0)));
    }

    #[test]
    fn ids_are_ordered_as_numbers() {
        let ids = [(0, 1), (0, LOW), (0, HIGH), (1, 0), (LOW, HIGH), (HIGH, 0)];
        let ids = ids.map(|(high, low)| TraceId::from_parts(high, low));
        assert!(ids.is_sorted());
        assert!(SpanId::new(1 << 32) > SpanId::new(u32::MAX.into()));
    }
}

//! The errors of inject and extract.

use core::error::Error;
use core::fmt;

use crate::baggage::BaggageError;
use crate::debug::debug_as_display;
use crate::propagation::jaeger::ParseContextError;

/// Baggage items that inject or extract left out, by cause; the others were taken over.
///
/// ```
/// use picojaeger_core::BaggageDrops;
///
/// assert!(BaggageDrops::default().is_empty());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct BaggageDrops {
    /// The key is empty or has a byte that a header name cannot hold.
    pub illegal_key: u32,
    /// The value is not UTF-8, or a part of the list header is not `key=value`.
    pub malformed: u32,
    /// The item is longer than the scratch buffer or the table takes.
    pub too_long: u32,
    /// The carrier or the table was full.
    pub full: u32,
    /// The item and those before it take more bytes than the limit.
    pub over_limit: u32,
}

/// The error of inject: something was left out.
///
/// ```
/// use picojaeger_core::{InjectError, SpanContext, TextMap, TextMapCodec};
///
/// let context: SpanContext = "1:2:0:1".parse().unwrap();
/// let mut small = TextMap::<1, 16, 16>::new();
/// assert_eq!(
///     TextMapCodec::http().inject(&context, [], &mut small, &mut []),
///     Err(InjectError::CarrierFull)
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InjectError {
    /// A context does not fit the carrier; of its format, nothing more was written.
    CarrierFull,
    /// The context and the other baggage were written, these items were not.
    Baggage(BaggageDrops),
}

/// The error of extract: a header was found but not taken.
///
/// ```
/// use picojaeger_core::{ExtractError, TextMapCodec};
///
/// let headers = [("uber-trace-id", "1:2:0:1"), ("uber-trace-id", "3:4:0:1")];
/// let found = TextMapCodec::http().extract(&headers, &mut (), &mut []);
/// assert_eq!(found.context, Err(ExtractError::Conflict));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ExtractError {
    /// The trace header does not hold a context.
    Malformed(ParseContextError),
    /// The header came several times with different contents.
    Conflict,
    /// The debug id is not UTF-8.
    NotUtf8,
    /// The debug id is longer than the scratch buffer.
    TooLong,
}

impl BaggageDrops {
    /// Returns whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the number of items that were left out.
    pub fn total(&self) -> u32 {
        self.illegal_key
            .saturating_add(self.malformed)
            .saturating_add(self.too_long)
            .saturating_add(self.full)
            .saturating_add(self.over_limit)
    }

    /// Returns the counts of the format that left out fewer: what one of two carries is not lost.
    pub(super) fn fewer(self, other: Self) -> Self {
        if other.total() < self.total() {
            other
        } else {
            self
        }
    }

    /// Counts one more.
    pub(super) fn count(&mut self, cause: BaggageError) {
        add_one(match cause {
            BaggageError::IllegalKey => &mut self.illegal_key,
            BaggageError::TooLong => &mut self.too_long,
            BaggageError::Full => &mut self.full,
            BaggageError::OverLimit => &mut self.over_limit,
        });
    }

    /// Counts one more that is not UTF-8 or not a pair.
    pub(super) fn count_malformed(&mut self) {
        add_one(&mut self.malformed);
    }
}

impl fmt::Display for BaggageDrops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} with an illegal key, {} malformed, {} too long, {} too many, {} over the limit",
            self.illegal_key, self.malformed, self.too_long, self.full, self.over_limit
        )
    }
}

impl fmt::Display for InjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InjectError::CarrierFull => {
                f.write_str("the trace header does not fit the carrier: enlarge the carrier")
            }
            InjectError::Baggage(drops) => {
                write!(
                    f,
                    "baggage items left out ({drops}): rename or shorten them"
                )
            }
        }
    }
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtractError::Malformed(cause) => write!(f, "malformed trace header: {cause}"),
            ExtractError::Conflict => {
                f.write_str("the header came several times with different contents: send it once")
            }
            ExtractError::NotUtf8 => f.write_str("the debug id is not UTF-8: send text"),
            ExtractError::TooLong => {
                f.write_str("the debug id is too long: shorten it, or enlarge the scratch buffer")
            }
        }
    }
}

impl Error for InjectError {}

debug_as_display!(InjectError);

impl Error for ExtractError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ExtractError::Malformed(cause) => Some(cause),
            _ => None,
        }
    }
}

debug_as_display!(ExtractError);

fn add_one(count: &mut u32) {
    *count = count.saturating_add(1);
}

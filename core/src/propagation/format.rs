//! The formats that a propagator reads and writes.

/// A format of headers.
///
/// ```
/// use picojaeger_core::{Format, Propagator};
///
/// let formats = [Format::B3, Format::TraceContext, Format::Baggage];
/// let propagator = Propagator::new(&formats, &formats[1..]);
/// let found = propagator.extract(&[("b3", "1-2-1")], &mut (), &mut []);
/// assert!(found.context.is_ok_and(|context| context.is_some()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Format {
    /// The W3C's `traceparent` and `tracestate`.
    TraceContext,
    /// The W3C's `baggage`.
    Baggage,
    /// Jaeger's `uber-trace-id` and `uberctx-…`.
    Jaeger,
    /// Zipkin's B3, read in both forms and written as one header, `b3`. Baggage items `baggage-…`, which
    /// Jaeger's Go and Java clients send beside it, are read as they are, and not written.
    B3,
    /// Zipkin's B3, read as [`Format::B3`] is and written as several headers, `x-b3-…`.
    B3Multi,
}

impl Format {
    /// Returns the usual name of the header that holds the context, or the baggage.
    pub const fn header(self) -> &'static str {
        match self {
            Format::TraceContext => "traceparent",
            Format::Baggage => "baggage",
            Format::Jaeger => "uber-trace-id",
            Format::B3 | Format::B3Multi => "b3",
        }
    }

    /// Returns whether this is one of B3's forms, which are read alike.
    #[inline]
    pub(super) const fn is_b3(self) -> bool {
        matches!(self, Format::B3 | Format::B3Multi)
    }
}

//! Ids as requests have them, right or wrong.

use super::message::Span;
use crate::collector::DecodeError;

/// Names of the ids in errors.
const TRACE: &str = "a trace id";
const SPAN: &str = "a span id";

/// An id of a span, a trace or a link. A wrong one is kept until the whole message was read, since it is a fault of its span
/// alone, as damage of the message is not.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(in crate::collector) enum Id<T> {
    /// Left out, or empty.
    #[default]
    Absent,
    Known(T),
    /// So many bytes, a wrong number of them.
    OfLength(usize),
    /// In JSON, other text than as many hex digits as the id has.
    #[cfg(feature = "collector")]
    NotHex,
}

impl<T: Copy + Default + PartialEq> Id<T> {
    /// Returns the id; zero if it is absent or wrong.
    pub(super) fn get(self) -> T {
        match self {
            Id::Known(id) => id,
            _ => T::default(),
        }
    }

    /// Returns what is wrong with an id that need not be there; `of` is its name.
    fn fault(self, of: &'static str) -> Option<DecodeError> {
        match self {
            Id::Absent | Id::Known(_) => None,
            Id::OfLength(length) => Some(DecodeError::InvalidId(of, length)),
            #[cfg(feature = "collector")]
            Id::NotHex => Some(DecodeError::InvalidHexId(of)),
        }
    }

    /// Returns what is wrong with an id that a span must have, in this field.
    fn fault_of_own(self, of: &'static str, field: &'static str) -> Option<DecodeError> {
        match self {
            Id::Absent => Some(DecodeError::MissingField("Span", field)),
            other => other.fault(of),
        }
    }
}

impl Span<'_> {
    /// Returns why the span has to be rejected, without the others of its request. Ids of zeros are kept, as in Thrift, though
    /// the specification has them as invalid: a file that was exported is read again. A parent of zeros is none.
    pub(super) fn fault(&self) -> Option<DecodeError> {
        let mut links = self.links.0.iter();
        let own = self.trace_id.fault_of_own(TRACE, "traceId");
        own.or_else(|| self.span_id.fault_of_own(SPAN, "spanId"))
            .or_else(|| self.parent_span_id.fault(SPAN))
            .or_else(|| links.find_map(|it| it.trace_id.fault(TRACE).or(it.span_id.fault(SPAN))))
    }
}

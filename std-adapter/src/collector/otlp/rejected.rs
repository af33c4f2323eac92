//! Spans that are rejected without the others of their request.

use crate::collector::DecodeError;
use crate::model::Batch;

/// The spans of a request that have faults of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) spans: u64,
    /// The fault of the first one.
    pub(crate) reason: Option<DecodeError>,
}

impl Rejected {
    /// Counts a span.
    pub(super) fn note(&mut self, reason: DecodeError) {
        self.spans += 1;
        self.reason.get_or_insert(reason);
    }

    /// Counts the spans of another part of the request.
    #[cfg(feature = "collector")]
    pub(super) fn add(&mut self, other: Rejected) {
        self.spans += other.spans;
        self.reason = self.reason.take().or(other.reason);
    }
}

/// A request as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) batches: Vec<Batch>,
    pub(crate) rejected: Rejected,
}

impl Decoded {
    /// Returns the batches of a request without rejected spans.
    ///
    /// # Errors
    /// The fault of the first rejected one.
    pub(crate) fn whole(self) -> Result<Vec<Batch>, DecodeError> {
        match self.rejected.reason {
            Some(reason) => Err(reason),
            None => Ok(self.batches),
        }
    }
}

impl From<Vec<Batch>> for Decoded {
    fn from(batches: Vec<Batch>) -> Self {
        Decoded {
            batches,
            rejected: Rejected::default(),
        }
    }
}

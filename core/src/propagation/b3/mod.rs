//! Zipkin's B3: one header `b3`, or several `x-b3-…`.
//!
//! Source: <https://github.com/openzipkin/b3-propagation>.

mod multi;
mod single;
#[cfg(test)]
mod tests;

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::candidate::Candidate;
use crate::propagation::error::ExtractError;
use crate::propagation::name::is_name;

pub(super) use multi::inject as inject_multi;
pub(super) use single::{NAME, inject as inject_single};

/// Begins the names of the several headers.
pub(super) const PREFIX: &str = "x-b3-";

/// Begins the name of each header that holds a baggage item of Jaeger's Go and Java clients.
pub(super) const BAGGAGE_PREFIX: &str = "baggage-";

/// Returns a context that only decides.
fn without_ids(flags: Flags) -> SpanContext {
    let flags = remote(Some(flags)) | Flags::WITHOUT_IDS;
    SpanContext::new(TraceId::from_parts(0, 0), SpanId::new(0), flags)
}

/// The flags of another process: `None` defers the decision to this one.
const fn remote(decision: Option<Flags>) -> Flags {
    match decision {
        Some(flags) => flags.with(Flags::REMOTE),
        None => Flags::DEFERRED.with(Flags::REMOTE),
    }
}

/// The findings in the headers of both forms.
#[derive(Clone, Copy)]
pub(super) struct B3 {
    single: Candidate,
    multi: multi::Fields,
}

impl B3 {
    pub(super) const NONE: Self = B3 {
        single: Candidate::NONE,
        multi: multi::Fields::NONE,
    };

    /// Takes a header, if it is one of B3's.
    #[inline]
    pub(super) fn visit(&mut self, key: &str, value: &[u8]) -> bool {
        if is_name(key, single::NAME) {
            self.single.take_joined(value, single::parse);
            return true;
        }
        self.multi.visit(key, value)
    }

    /// Returns the context: a single header that can be read is preferred.
    #[inline(never)]
    pub(super) fn context(&self) -> Result<Option<SpanContext>, ExtractError> {
        match self.single.get() {
            Ok(Some(context)) => Ok(Some(*context)),
            Ok(None) => self.multi.context(),
            Err(error) => match self.multi.context() {
                Ok(Some(context)) => Ok(Some(context)),
                _ => Err(error),
            },
        }
    }
}

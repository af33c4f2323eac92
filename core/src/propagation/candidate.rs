//! The contexts that the headers of one format name.

use crate::context::SpanContext;
use crate::propagation::error::ExtractError;
use crate::propagation::jaeger::ParseContextError;

/// A value from a header that may come several times, but with one content only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Single<T>(pub(super) Result<Option<T>, ExtractError>);

/// The context of one format's header.
pub(super) type Candidate = Single<SpanContext>;

impl<T: Copy + PartialEq> Single<T> {
    pub(super) const NONE: Self = Single(Ok(None));

    /// Takes a header.
    pub(super) fn take(&mut self, found: Result<T, ParseContextError>) {
        let found = found.map(Some).map_err(ExtractError::Malformed);
        if self.0 == Ok(None) {
            self.0 = found;
        } else if self.0 != found {
            self.0 = Err(ExtractError::Conflict);
        }
    }

    /// Takes a header, and what a proxy has joined into it with commas (RFC 9110, section 5.3).
    pub(super) fn take_joined(
        &mut self,
        value: &[u8],
        parse: impl Fn(&[u8]) -> Result<T, ParseContextError>,
    ) {
        for part in value.split(|byte| *byte == b',') {
            self.take(parse(part.trim_ascii()));
            if self.0.is_err() {
                return;
            }
        }
    }
}

/// Returns one of several equal values that were joined by commas (RFC 9110, section 5.3), or the
/// whole value if they are not equal.
pub(super) fn single(value: &[u8]) -> &[u8] {
    if !value.contains(&b',') {
        return value;
    }
    let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    match parts.next() {
        Some(first) if parts.all(|part| part == first) => first,
        _ => value,
    }
}

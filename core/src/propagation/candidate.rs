//! The contexts that the headers of one format name.

use crate::context::SpanContext;
use crate::propagation::error::ExtractError;
use crate::propagation::jaeger::ParseContextError;

/// A value from a header that may come several times, but with one content only.
#[derive(Clone, Copy)]
pub(super) struct Single<T> {
    value: Option<T>,
    /// Makes the value void.
    error: Option<ExtractError>,
}

/// The context of one format's header.
pub(super) type Candidate = Single<SpanContext>;

impl<T: Copy + PartialEq> Single<T> {
    pub(super) const NONE: Self = Single {
        value: None,
        error: None,
    };

    /// Returns the value, if there is one.
    #[inline]
    pub(super) fn get(&self) -> Result<Option<&T>, ExtractError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.value.as_ref()),
        }
    }

    /// Takes a header.
    #[inline]
    pub(super) fn take(&mut self, found: Result<T, ParseContextError>) {
        match (found, self.value, self.error) {
            (Ok(value), None, None) => self.value = Some(value),
            (Ok(value), Some(known), None) if value == known => {}
            (Err(cause), None, None) => self.error = Some(ExtractError::Malformed(cause)),
            (Err(cause), _, Some(ExtractError::Malformed(known))) if cause == known => {}
            _ => self.error = Some(ExtractError::Conflict),
        }
    }

    /// Takes a header, or those that a proxy has joined into one with commas (RFC 9110, section
    /// 5.3). What `parse` accepts has no comma.
    pub(super) fn take_joined(
        &mut self,
        value: &[u8],
        parse: impl Fn(&[u8]) -> Result<T, ParseContextError>,
    ) {
        match parse(value) {
            Ok(found) => self.take(Ok(found)),
            Err(_) => self.take_parts(value, parse),
        }
    }

    /// Takes the parts of a header between commas, without the blanks around them.
    #[cold]
    fn take_parts(&mut self, value: &[u8], parse: impl Fn(&[u8]) -> Result<T, ParseContextError>) {
        for part in value.split(|byte| *byte == b',') {
            self.take(parse(part.trim_ascii()));
            if self.error.is_some() {
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

//! Entries as they lie in an area, for formats that keep their order.

use super::Record;
use super::entry::Entry;
use super::layout::header;

impl Entry<'_> {
    /// Whether it is a log, or a field of one.
    #[inline]
    pub(crate) fn is_of_log(&self) -> bool {
        self.header & header::FIELD != 0 || self.is_log()
    }

    /// The kind, and 8 more for a field.
    #[inline]
    pub(crate) fn code(&self) -> u8 {
        let field = (self.header & header::FIELD) / (header::FIELD / 8);
        (self.header & header::KIND | field) as u8
    }

    /// Whether the key is `'static` text.
    #[inline]
    pub(crate) fn has_static_key(&self) -> bool {
        self.header & header::COPIED == 0
    }
}

impl Record<'_> {
    /// Whether the operation name is `'static` text.
    #[inline]
    pub(crate) fn has_static_operation(&self) -> bool {
        !self.fixed.operation.is_null()
    }
}

//! Entries in their order, for formats that keep it.

use super::entry::Entry;
use super::layout::{header, kind};
use super::{Record, Reference};
use crate::time::Timestamp;
use crate::value::Value;

/// The content of an entry beside its key.
pub(crate) enum Content<'r> {
    /// Of a tag, or of a field of the log before it.
    Value(Value<'r>),
    Reference(Reference),
    Log(Timestamp),
    /// A copied operation name.
    Operation,
}

impl<'r> Entry<'r> {
    /// Whether it is a field of the log before it.
    #[inline]
    pub(crate) fn is_field(&self) -> bool {
        self.header & header::FIELD != 0
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

    /// The content, whatever it is.
    #[inline]
    pub(crate) fn content(self) -> Content<'r> {
        match self.header & header::KIND {
            kind::REFERENCE => Content::Reference(self.reference()),
            kind::LOG => Content::Log(self.time()),
            kind::OPERATION => Content::Operation,
            _ => Content::Value(self.value()),
        }
    }
}

impl Record<'_> {
    /// Whether the operation name is `'static` text.
    #[inline]
    pub(crate) fn has_static_operation(&self) -> bool {
        !self.fixed.operation.is_null()
    }
}

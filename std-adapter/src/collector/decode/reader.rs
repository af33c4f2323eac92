//! Structures, lists and text, each charged before it is allocated.

use thrift::protocol::{TInputProtocol, TType};

use super::{DecodeError, Decoded};
use crate::collector::memory_budget::Budget;

/// Levels of nesting that are read or skipped; a batch itself has six.
pub(super) const MAX_DEPTH: i8 = 16;

/// Reads through the `thrift` crate, within the budget of one datagram.
pub(super) struct Reader<'a> {
    pub(super) protocol: &'a mut dyn TInputProtocol,
    budget: &'a Budget,
}

impl<'a> Reader<'a> {
    pub(super) fn new(protocol: &'a mut dyn TInputProtocol, budget: &'a Budget) -> Self {
        Self { protocol, budget }
    }

    /// Reads a structure; `read` returns whether it consumed the field, which is skipped otherwise.
    pub(super) fn structure(
        &mut self,
        mut read: impl FnMut(&mut Self, (i16, TType)) -> Decoded<bool>,
    ) -> Decoded<()> {
        self.protocol.read_struct_begin()?;
        loop {
            let field = self.protocol.read_field_begin()?;
            if field.field_type == TType::Stop {
                break;
            }
            if !read(self, (field.id.unwrap_or(0), field.field_type))? {
                self.protocol.skip_till_depth(field.field_type, MAX_DEPTH)?;
            }
            self.protocol.read_field_end()?;
        }
        Ok(self.protocol.read_struct_end()?)
    }

    /// Reads a list of structures, each of at least `min_wire` bytes.
    pub(super) fn list<T>(
        &mut self,
        min_wire: usize,
        extra: usize,
        read: fn(&mut Self) -> Decoded<T>,
    ) -> Decoded<Vec<T>> {
        let header = self.protocol.read_list_begin()?;
        let count = usize::try_from(header.size).map_err(|_| DecodeError::Truncated)?;
        if count > 0 && header.element_type != TType::Struct {
            let reason = format!("list of {} instead of structures", header.element_type);
            return Err(DecodeError::Malformed(reason));
        }
        let mut items = self.budget.list(count, min_wire, extra)?;
        for _ in 0..count {
            items.push(read(self)?);
        }
        self.protocol.read_list_end()?;
        Ok(items)
    }

    pub(super) fn i32(&mut self) -> Decoded<i32> {
        Ok(self.protocol.read_i32()?)
    }

    pub(super) fn i64(&mut self) -> Decoded<i64> {
        Ok(self.protocol.read_i64()?)
    }

    /// Reads text.
    pub(super) fn text(&mut self) -> Decoded<String> {
        let bytes = self.protocol.read_bytes()?;
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.budget.charge(text.len())?;
                Ok(text)
            }
            Err(error) => self.budget.text(error.as_bytes()),
        }
    }

    pub(super) fn bytes(&mut self) -> Decoded<Box<[u8]>> {
        let bytes = self.protocol.read_bytes()?;
        self.budget.charge(bytes.len())?;
        Ok(bytes.into_boxed_slice())
    }
}

/// The value of a field that the IDL requires.
pub(super) fn require<T>(value: Option<T>, of: &'static str, field: &'static str) -> Decoded<T> {
    value.ok_or(DecodeError::MissingField(of, field))
}

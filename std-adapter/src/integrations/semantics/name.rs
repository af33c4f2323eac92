//! Names of spans, formed without an allocation.

use heapless::String;
use picojaeger_core::Key;

/// Bytes of a name that a span keeps.
const LONGEST: usize = 255;

/// A name of a span, in the caller's memory.
pub(crate) struct SpanName(String<LONGEST>);

impl SpanName {
    /// Joins a method and the template that it is for: `GET /orders/{id}`.
    pub(crate) fn joined(method: &str, target: &str) -> Self {
        let mut name = SpanName(String::new());
        for part in [method, " ", target] {
            name.push_cut(part);
        }
        name
    }

    pub(crate) fn key(&self) -> Key<'_> {
        Key::copied(&self.0)
    }

    /// Appends text, as far as there is room for whole characters.
    fn push_cut(&mut self, text: &str) {
        let mut end = text.len().min(LONGEST - self.0.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // It fits: the end was chosen so.
        let _fits = self.0.push_str(text.get(..end).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_at_a_character() {
        assert_eq!(
            SpanName::joined("GET", "/orders/{id}").key().as_str(),
            "GET /orders/{id}"
        );
        let long = SpanName::joined("GET", &"ä".repeat(200));
        assert_eq!(long.key().as_str().len(), 4 + 250);
    }
}

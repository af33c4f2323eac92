//! The rules for baggage that the program sets.

use crate::state::TracerState;

impl TracerState {
    /// Returns the value of a baggage item as far as a server's restrictions allow it; `None` if
    /// the key may not be set.
    #[cfg_attr(
        not(feature = "http"),
        allow(unused_variables, reason = "only a server restricts keys")
    )]
    pub(crate) fn permitted<'v>(&self, key: &str, value: &'v str) -> Option<&'v str> {
        #[cfg(feature = "http")]
        if let Some(restrictions) = &self.restrictions {
            self.poll_restrictions();
            let limit = restrictions.limit(key)?;
            return Some(truncated(value, limit));
        }
        Some(value)
    }
}

/// Returns at most so many bytes of the text, whole characters.
#[cfg(feature = "http")]
fn truncated(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev();
    let end = end.into_iter().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::truncated;

    #[test]
    fn text_ends_between_characters() {
        for (limit, expected) in [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (9, "aéb")] {
            assert_eq!(truncated("aéb", limit), expected);
        }
    }
}

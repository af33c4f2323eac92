//! The types of OpenTelemetry's values.

use picojaeger_core::adapter::percent_decode;

use crate::config::settings::layer::Layer;
use crate::config::settings::setting::Violation;
use crate::config::source::Entry;

/// Reads a boolean: only `true` is true, in any case.
pub(super) fn boolean(layer: &mut Layer, entry: &Entry<'_>) -> bool {
    let text = entry.as_text().unwrap_or_default();
    let is_true = text.eq_ignore_ascii_case("true");
    if !is_true && !text.eq_ignore_ascii_case("false") {
        layer.warn(entry, "counts as false; use true or false");
    }
    is_true
}

/// Splits a list at its commas; blanks around an item are not part of it, and empty ones are left
/// out.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Reads `key=value,…` whose keys and values are percent-encoded (W3C Baggage, without
/// properties).
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, Violation> {
    list(text).map(pair).collect()
}

fn pair(item: &str) -> Result<(String, String), Violation> {
    let wrong = |problem| Violation {
        problem,
        accepted: "key=value,key=value, percent-encoded",
    };
    let (key, value) = item.split_once('=').ok_or(wrong("an item without `=`"))?;
    let part = |text: &str| decoded(text.trim()).ok_or(wrong("a wrong percent-encoding"));
    match part(key)? {
        key if key.is_empty() => Err(wrong("an item without a key")),
        key => Ok((key, part(value)?)),
    }
}

/// Returns nothing for an incomplete escape, and for bytes that are not UTF-8. A `+` stays as it is.
fn decoded(text: &str) -> Option<String> {
    let is_escape = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let mut escapes = text.split('%').skip(1);
    let whole = escapes.all(|part| part.as_bytes().get(..2).is_some_and(is_escape));
    let bytes = whole.then(|| percent_decode(text.as_bytes()).collect())?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_whole_and_make_text() {
        let cases = [
            ("", Some("")),
            ("a%20b", Some("a b")),
            ("a+b", Some("a+b")),
            ("%C3%A9%2c%3d", Some("é,=")),
            ("%", None),
            ("%4", None),
            ("%+4", None),
            ("%é", None),
            ("%ff", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn one_wrong_pair_discards_all() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let good = pairs(" a = 1 ,b=x=y,, c%2C=%20 ,d=").unwrap();
        assert_eq!(
            good,
            [
                pair("a", "1"),
                pair("b", "x=y"),
                pair("c,", " "),
                pair("d", "")
            ]
        );
        for text in ["a=1,b", "a=1,=2", "a=%zz,b=1"] {
            assert!(pairs(text).is_err(), "{text}");
        }
    }
}

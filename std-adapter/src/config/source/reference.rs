//! References to variables: `${NAME}` and `${NAME:default}`.

use super::variables::Variables;

/// Returns the variable of a reference, given without its braces, or the default; `None` if there
/// is neither. A variable counts without the blanks at its ends, and an empty one is unset.
pub(crate) fn referenced<'v>(reference: &'v str, variables: &'v Variables) -> Option<&'v str> {
    let (name, default) = match reference.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let given = variables.get(name).map(|text| text.trim());
    given.filter(|text| !text.is_empty()).or(default)
}

/// Returns whether the text may have references.
#[cfg(feature = "yaml")]
pub(super) fn has_references(text: &str) -> bool {
    text.contains("${")
}

/// Replaces each reference in a text; `$${` stands for `${`.
///
/// # Errors
/// A reference without a value, as it is written.
#[cfg(feature = "yaml")]
pub(super) fn filled(text: &str, variables: &Variables) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((reference, after)) = behind.split_once('}') else {
            break;
        };
        let written = || format!("${{{reference}}}");
        match before.strip_suffix('$') {
            Some(before) => filled.extend([before, &written()]),
            None => {
                let value = referenced(reference, variables).ok_or_else(written)?;
                filled.extend([before, value]);
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_wherever_they_stand() {
        let given = [("SET", " value\n"), ("EMPTY", " ")];
        let variables = given.map(|(name, text)| (name.into(), text.into())).into();
        let cases = [
            ("plain $SET {} }", Ok("plain $SET {} }")),
            ("${SET}", Ok("value")),
            ("a${SET}b${SET:x}c", Ok("avaluebvaluec")),
            ("${EMPTY:d}:${UNSET:6831}", Ok("d:6831")),
            ("${UNSET:a:b}", Ok("a:b")),
            ("${UNSET:}", Ok("")),
            ("$${SET}${SET}", Ok("${SET}value")),
            ("${SET", Ok("${SET")),
            ("${SET}${SET", Ok("value${SET")),
            ("x${UNSET}", Err("${UNSET}")),
            ("${EMPTY}", Err("${EMPTY}")),
            ("${}", Err("${}")),
        ];
        for (text, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(filled(text, &variables), expected, "{text}");
        }
    }
}

//! The values of scalars.

use super::items::Scalar;
use super::tag::Kind;
use crate::config::source::typed_value::is_boolean;
use crate::config::source::untyped_value::Value;

impl Scalar<'_> {
    /// The value, without blanks at the ends of text, or what its tag has against it.
    pub(super) fn value(&self) -> Result<Value, &'static str> {
        let word = self.text.trim();
        match self.kind {
            Kind::Null => Ok(Value::Null),
            Kind::Bool => boolean(word).ok_or("not a boolean, as its tag `!!bool` demands"),
            // Only the tag makes a number of 1_000.
            Kind::Integer => integer(&word.replace('_', ""))
                .ok_or("not a whole number, as its tag `!!int` demands"),
            Kind::Float => float(word).ok_or("not a number, as its tag `!!float` demands"),
            Kind::Text | Kind::NonSpecific => Ok(text(&self.text)),
            _ if self.is_plain => Ok(plain(&self.text)),
            _ => Ok(text(&self.text)),
        }
    }

    /// The text of a key, or why it is none.
    pub(super) fn key(&self) -> Result<String, &'static str> {
        let is_null = self.is_plain && is_null(&self.text);
        match self.kind {
            Kind::Text | Kind::NonSpecific => Ok(self.text.to_string()),
            Kind::None | Kind::Foreign | Kind::Merge if !is_null => Ok(self.text.to_string()),
            _ => Err("a key that is not text; use quotes around it"),
        }
    }

    /// Whether the key takes in the keys of another map.
    pub(super) fn is_merge_key(&self) -> bool {
        let is_merge = match self.kind {
            Kind::None => self.is_plain,
            kind => kind == Kind::Merge,
        };
        is_merge && self.text == "<<"
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.trim().into())
}

/// The value of text without quotes and tag.
fn plain(word: &str) -> Value {
    if is_null(word) {
        return Value::Null;
    }
    // The languages of the clients differ in what such numbers are: 0755 is 493 to some.
    if word.contains('_') || has_leading_zero(word) {
        return text(word);
    }
    let value = boolean(word)
        .or_else(|| integer(word))
        .or_else(|| float(word));
    value.unwrap_or_else(|| text(word))
}

fn is_null(word: &str) -> bool {
    ["", "~", "null", "Null", "NULL"].contains(&word)
}

fn has_leading_zero(word: &str) -> bool {
    let (_, digits) = signed(word);
    digits.len() > 1 && digits.starts_with('0') && is_digits(digits, 10)
}

fn boolean(word: &str) -> Option<Value> {
    let is_false = || {
        ["false", "no", "off"]
            .iter()
            .any(|no| word.eq_ignore_ascii_case(no))
    };
    is_boolean(word).then(|| Value::Bool(!is_false()))
}

/// A whole number of at most 64 bits; a longer one is a float.
fn integer(word: &str) -> Option<Value> {
    let (is_negative, unsigned) = signed(word);
    let (digits, radix) = digits(unsigned);
    if !is_digits(digits, radix) || (radix == 10 && has_leading_zero(word)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let number = if is_negative { -magnitude } else { magnitude };
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    range.contains(&number).then_some(Value::Integer(number))
}

/// A number in the forms of YAML 1.2; one that is too large is infinite.
fn float(word: &str) -> Option<Value> {
    let (is_negative, unsigned) = signed(word);
    let number = match unsigned {
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        // Rust also reads the words `inf` and `nan`, which are text in YAML.
        _ if unsigned.contains(|c: char| c.is_ascii_digit()) => {
            return word.parse().ok().map(Value::Float);
        }
        _ => return None,
    };
    Some(Value::Float(if is_negative { -number } else { number }))
}

/// Whether there is a minus, and the text behind the sign.
fn signed(word: &str) -> (bool, &str) {
    match word.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    }
}

/// The digits behind a prefix, and their radix.
fn digits(unsigned: &str) -> (&str, u32) {
    let prefixes = [
        ("0x", 16),
        ("0X", 16),
        ("0o", 8),
        ("0O", 8),
        ("0b", 2),
        ("0B", 2),
    ];
    let mut found = prefixes.iter().filter_map(|(prefix, radix)| {
        let digits = unsigned.strip_prefix(prefix)?;
        Some((digits, *radix))
    });
    found.next().unwrap_or((unsigned, 10))
}

fn is_digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_digit(radix))
}

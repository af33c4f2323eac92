//! Durations and values as text: bounded in length, control characters escaped.

use std::fmt::{self, Display, Write};

use crate::model::{Tag, TagValue};

/// Longest value printed, in characters or bytes; a longer one is cut, and its length follows.
pub(super) const MAX_VALUE: usize = 200;

/// A duration of microseconds in the unit that suits it, with at most three decimals, rounded down.
pub(crate) struct Micros(pub(crate) i128);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_char('-')?;
        }
        let micros = self.0.unsigned_abs();
        let (unit, name) = match micros {
            0..1_000 => return write!(f, "{micros}us"),
            1_000..1_000_000 => (1_000, "ms"),
            1_000_000..60_000_000 => (1_000_000, "s"),
            _ => {
                let seconds = micros / 1_000_000;
                return write!(f, "{}m{:02}s", seconds / 60, seconds % 60);
            }
        };
        let thousandths = format!("{:03}", micros % unit * 1_000 / unit);
        write!(f, "{}", micros / unit)?;
        match thousandths.trim_end_matches('0') {
            "" => {}
            digits => write!(f, ".{digits}")?,
        }
        f.write_str(name)
    }
}

pub(crate) struct Tags<'a>(pub(crate) &'a [Tag]);

impl Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, tag) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{}=", Escaped(&tag.key))?;
            match &tag.value {
                TagValue::String(text) => write_text(f, text)?,
                TagValue::Double(value) => write!(f, "{value:?}")?,
                TagValue::Bool(value) => write!(f, "{value}")?,
                TagValue::Long(value) => write!(f, "{value}")?,
                TagValue::Binary(bytes) => write_bytes(f, bytes)?,
            }
        }
        Ok(())
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let cut = text.char_indices().nth(MAX_VALUE).map(|(at, _)| at);
    let begin = cut.and_then(|at| text.get(..at));
    write!(f, "{}", Quoted(begin.unwrap_or(text)))?;
    match cut {
        Some(_) => write!(f, "... ({} bytes)", text.len()),
        None => Ok(()),
    }
}

/// Text in quotation marks, escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                _ => write_char(f, c)?,
            }
        }
        f.write_char('"')
    }
}

fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    for byte in bytes.iter().take(MAX_VALUE) {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > MAX_VALUE {
        write!(f, "... ({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// A name on one line: at most [`MAX_VALUE`] characters, control characters escaped.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(MAX_VALUE) {
            write_char(f, c)?;
        }
        match self.0.chars().nth(MAX_VALUE) {
            Some(_) => f.write_str("..."),
            None => Ok(()),
        }
    }
}

/// Escapes what moves the cursor or turns the direction of writing.
fn write_char(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns {
        write!(f, "{}", c.escape_default())
    } else {
        f.write_char(c)
    }
}

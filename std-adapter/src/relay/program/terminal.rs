//! Text for people: a device's text, messages, and a status line.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

/// Standard output and standard error.
pub(super) struct Terminal {
    /// Whether a device's text goes to a terminal, which control characters would move.
    escapes: bool,
    /// Whether messages go to a terminal, on which a status line stands.
    has_status: bool,
    /// Whether the status line is there now.
    is_shown: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Terminal {
            escapes: io::stdout().is_terminal(),
            has_status: io::stderr().is_terminal(),
            is_shown: false,
        }
    }

    pub(super) fn has_status(&self) -> bool {
        self.has_status
    }

    /// Prints the text of a device. An output that is closed ends nothing: spans still go on.
    pub(super) fn text(&mut self, text: &str) {
        self.clear();
        let escaped = if self.escapes {
            escape(text)
        } else {
            text.to_owned()
        };
        let mut out = io::stdout().lock();
        drop(out.write_all(escaped.as_bytes()).and_then(|()| out.flush()));
    }

    /// Prints a message.
    pub(super) fn message(&mut self, message: &str) {
        self.clear();
        drop(writeln!(io::stderr(), "{}", escape(message)));
    }

    /// Prints the status line in place of the last one.
    pub(super) fn status(&mut self, status: &str) {
        if self.has_status {
            self.is_shown = true;
            drop(write!(io::stderr(), "\r\x1b[K{}", escape(status)));
        }
    }

    /// Removes the status line.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

/// A writer that removes the status line before it writes.
pub(super) struct Beside<W>(pub(super) W);

impl<W: io::Write> io::Write for Beside<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if io::stderr().is_terminal() {
            write!(io::stderr(), "\r\x1b[K")?;
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Escapes control characters but for line ends and tabs, and what turns the direction of writing.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c {
            '\n' | '\t' => escaped.push(c),
            '\r' => {}
            _ if c.is_control() || turns => drop(write!(escaped, "{}", c.escape_default())),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape("ok\r\n\tµ"), "ok\n\tµ");
        assert_eq!(
            escape("\x1b[2J\u{7}\u{9b}\u{202e}"),
            "\\u{1b}[2J\\u{7}\\u{9b}\\u{202e}"
        );
    }
}

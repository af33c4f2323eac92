//! Commands that a server sends down the line, each with the context of the span that it belongs to.

use core::mem;

use picojaeger_core::SpanContext;

use crate::{END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE};

/// A command to the valve.
pub struct Command {
    /// How far to open it, or [`OFF`].
    pub percent: u8,
    /// The server's span, the parent of what the command leads to.
    pub context: SpanContext,
}

/// The command that ends the program.
pub const OFF: u8 = 0xff;

/// Bytes of a command.
const LENGTH: usize = 1 + SpanContext::BINARY_LEN;

/// Reads commands byte by byte: the percentage and the context in 26 bytes, in a frame as of RFC 1055 (SLIP). The
/// frames of the relay's time, which share the line, have another length.
pub struct CommandReader {
    bytes: [u8; LENGTH],
    length: usize,
    is_escaped: bool,
}

impl CommandReader {
    pub const fn new() -> Self {
        CommandReader {
            bytes: [0; LENGTH],
            length: 0,
            is_escaped: false,
        }
    }

    /// Takes the next byte of the line; returns the command that it ends.
    pub fn push(&mut self, byte: u8) -> Option<Command> {
        match (byte, mem::take(&mut self.is_escaped)) {
            (END, _) => return self.end(),
            (ESCAPE, _) => self.is_escaped = true,
            (ESCAPED_END, true) => self.keep(END),
            (ESCAPED_ESCAPE, true) => self.keep(ESCAPE),
            _ => self.keep(byte),
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        if let Some(room) = self.bytes.get_mut(self.length) {
            *room = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    fn end(&mut self) -> Option<Command> {
        let length = mem::take(&mut self.length);
        let (percent, context) = self.bytes.split_first()?;
        let context = SpanContext::from_binary(context).ok()?;
        (length == LENGTH).then_some(Command {
            percent: *percent,
            context,
        })
    }
}

impl Default for CommandReader {
    fn default() -> Self {
        Self::new()
    }
}

//! What is left out of a span that is the first of its packet and does not fit.

use crate::record::{Record, boundary};

/// The parts of a span that are left out.
#[derive(Clone, Copy)]
pub struct Cut {
    /// The oldest logs, this many.
    pub(super) logs: usize,
    /// Of text and bytes, what exceeds this length.
    pub(super) longest: usize,
}

/// The longest text of a record.
pub(super) const LONGEST: usize = u16::MAX as usize;

/// Nothing is left out.
pub(super) const WHOLE: Cut = Cut {
    logs: 0,
    longest: LONGEST,
};

impl Cut {
    /// Whether text or bytes are cut.
    pub(super) fn is_of_text(self) -> bool {
        self.longest < LONGEST
    }
}

/// Writes the span with as little left out as fits: `put` gives how many bytes are left, if any.
///
/// First logs go, one by one, then text, byte by byte: halves the steps of which
/// the least is looked for, and writes that last.
#[inline(always)]
pub(super) fn put_cut(
    record: &Record<'_>,
    mut put: impl FnMut(Cut) -> Option<usize>,
) -> Option<usize> {
    let logs = count_logs(record);
    let (mut least, mut most) = (1, logs + LONGEST);
    loop {
        let steps = least + (most - least) / 2;
        let left = put(Cut {
            logs: steps.min(logs),
            longest: LONGEST - steps.saturating_sub(logs),
        });
        if least == most {
            return left;
        }
        if left.is_some() {
            most = steps;
        } else {
            least = steps + 1;
        }
    }
}

/// Apart, so that what it takes of the stack is free again when the span is written.
#[inline(never)]
fn count_logs(record: &Record<'_>) -> usize {
    record.logs().count()
}

/// The text, or what a limit leaves of it.
#[inline]
pub(super) fn cut_text(text: &str, limit: usize) -> &[u8] {
    if text.len() <= limit {
        text.as_bytes()
    } else {
        shorten(text.as_bytes(), limit)
    }
}

#[cold]
#[inline(never)]
fn shorten(text: &[u8], limit: usize) -> &[u8] {
    text.get(..boundary(text, limit)).unwrap_or(text)
}

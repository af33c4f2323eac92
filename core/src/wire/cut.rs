//! What is left out of a span that is the first of its packet and does not fit.

use crate::record::{Record, boundary};
use crate::wire::Push;

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
const WHOLE: Cut = Cut {
    logs: 0,
    longest: LONGEST,
};

impl Cut {
    /// Whether text or bytes are cut.
    pub(super) fn is_of_text(self) -> bool {
        self.longest < LONGEST
    }
}

/// Writes a span by `put`, which gives how many bytes are left if it fitted: whole, or if it is the
/// first of its packet, with as little left out as fits.
#[inline(always)]
pub(super) fn put_fitting(
    record: &Record<'_>,
    is_first: bool,
    mut put: impl FnMut(Cut) -> Option<usize>,
) -> Result<usize, Push> {
    if let Some(left) = put(WHOLE) {
        return Ok(left);
    }
    if !is_first {
        return Err(Push::Full);
    }
    let mut search = Search::new(record);
    loop {
        let left = put(search.cut());
        if search.is_over(left.is_some()) {
            return left.ok_or(Push::TooLarge);
        }
    }
}

/// The search for the least that must be left out.
///
/// First logs go, one by one, then text, byte by byte: halves the steps of which
/// the least is looked for, and tries that last.
struct Search {
    logs: usize,
    least: usize,
    most: usize,
}

impl Search {
    #[inline(always)]
    fn new(record: &Record<'_>) -> Self {
        let logs = count_logs(record);
        Search {
            logs,
            least: 1,
            most: logs + LONGEST,
        }
    }

    /// What to leave out next.
    #[inline(always)]
    fn cut(&self) -> Cut {
        let steps = self.steps();
        Cut {
            logs: steps.min(self.logs),
            longest: LONGEST - steps.saturating_sub(self.logs),
        }
    }

    /// Takes whether the span fitted then; returns whether that was the last attempt.
    #[inline(always)]
    fn is_over(&mut self, fits: bool) -> bool {
        let steps = self.steps();
        let is_last = self.least == self.most;
        if fits {
            self.most = steps;
        } else {
            self.least = steps + 1;
        }
        is_last
    }

    #[inline(always)]
    fn steps(&self) -> usize {
        self.least + (self.most - self.least) / 2
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

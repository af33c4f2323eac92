//! The frames of a ring, oldest first.

use std::ops::Range;

/// The result of a walk.
pub(super) struct Walked<T> {
    pub(super) found: Vec<T>,
    /// Frames that were open.
    pub(super) torn: u32,
    /// Numbers that are missing between frames.
    pub(super) gaps: u32,
    /// Bytes from the first violation on.
    pub(super) discarded: u32,
}

/// The bits of a commit word, beside the length in bytes.
const OPEN: u32 = 1 << 31;
const PAD: u32 = 1 << 30;
const LENGTH: u32 = PAD - 1;
/// Bytes of the commit word and the number.
const HEADER: u32 = 8;

/// Walks over frames, whose memory has a power of two of bytes, up to the end or to the first one that is no frame or that
/// `read` refuses, given its number and its body.
pub(super) fn walk<'d, T>(
    memory: &'d [u8],
    word: usize,
    held: &Range<u32>,
    read: impl Fn(u32, &'d [u8]) -> Option<T>,
) -> Walked<T> {
    let size = u32::try_from(memory.len()).unwrap_or(0);
    let is_sound = held.end.wrapping_sub(held.start) <= size
        && [held.start, held.end]
            .iter()
            .all(|at| at % word as u32 == 0);
    let mut walk = Walk {
        memory,
        word: word as u32,
        at: held.start,
        end: held.end,
        last: None,
        walked: Walked {
            found: Vec::new(),
            torn: 0,
            gaps: 0,
            discarded: 0,
        },
    };
    if !is_sound {
        walk.walked.discarded = size;
        return walk.walked;
    }
    while walk.at != walk.end {
        if walk.step(&read).is_none() {
            walk.walked.discarded = walk.end.wrapping_sub(walk.at);
            break;
        }
    }
    walk.walked
}

struct Walk<'d, T> {
    memory: &'d [u8],
    word: u32,
    at: u32,
    end: u32,
    last: Option<u32>,
    walked: Walked<T>,
}

impl<'d, T> Walk<'d, T> {
    /// Takes one frame and moves behind it; `None` if it is none.
    fn step(&mut self, read: impl Fn(u32, &'d [u8]) -> Option<T>) -> Option<()> {
        let size = self.memory.len() as u32;
        let offset = self.at & (size - 1);
        let room = (size - offset).min(self.end.wrapping_sub(self.at));
        let mark = self.load(offset)?;
        let (length, is_pad) = (mark & LENGTH, mark & (PAD | OPEN) == PAD);
        let shortest = if is_pad { self.word } else { HEADER };
        if length < shortest || length > room || !length.is_multiple_of(self.word) {
            return None;
        }
        if !is_pad {
            let number = self.load(offset + 4)?;
            let gap = self.gap(number)?;
            let body = self
                .memory
                .get((offset + HEADER) as usize..(offset + length) as usize)?;
            match mark & (OPEN | PAD) {
                0 => self.walked.found.push(read(number, body)?),
                OPEN => self.walked.torn += 1,
                _ => return None,
            }
            self.walked.gaps = self.walked.gaps.saturating_add(gap);
            self.last = Some(number);
        }
        self.at = self.at.wrapping_add(length);
        Some(())
    }

    /// Returns how many numbers are missing before this one; `None` if it does not follow.
    fn gap(&self, number: u32) -> Option<u32> {
        let last = self.last.unwrap_or(number.wrapping_sub(1));
        let step = number.wrapping_sub(last);
        (1..=i32::MAX as u32).contains(&step).then(|| step - 1)
    }

    fn load(&self, offset: u32) -> Option<u32> {
        let bytes = self.memory.get(offset as usize..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }
}

//! A ring in memory that outlives a reset.

use super::frame::{HEADER, LENGTH, OPEN, PAD, WORD, to_end};
use super::positions::Positions;
use super::storage::Aligned;
use super::{Bytes, FrameRing, Payload, Policy, State, Storage, Word};
use crate::raw_mutex::{Guarded, RawMutex};

/// The frames that a ring kept over a reset.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Kept {
    /// Frames that are whole and were approved.
    pub(crate) frames: u32,
    /// Frames that were open.
    pub(crate) torn: u32,
    /// Frames that were whole and are not wanted.
    pub(crate) outdated: u32,
    /// Numbers that are missing between frames.
    pub(crate) gaps: u32,
    /// Bytes from the first violation on.
    pub(crate) discarded: u32,
    /// The number behind the last frame.
    pub(crate) next: u32,
    tail: u32,
    head: u32,
}

/// The judgement of a frame's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Keep,
    Skip,
    /// It is none that this program could have written: nothing behind it is believed.
    Violation,
}

/// Judges the body of a frame, whose words are initialised.
pub(crate) type Judge<'j> = dyn FnMut(&mut [Word]) -> Verdict + 'j;

impl<X: RawMutex, S, const N: usize, P: Policy, T: Payload> FrameRing<X, S, Bytes<N>, P, T> {
    /// Writes a ring to `place`: with the frames that lie there if there is a `judge` for them, else an
    /// empty one. Nothing that lies there is believed, and `judge` sees initialised words.
    ///
    /// A reset at any step leaves the frames as they were, or as they are afterwards.
    ///
    /// # Safety
    /// The place is valid for reads and writes and used by nothing else meanwhile; its bytes have some value
    /// each, which nothing in this program need have written. What `judge` keeps is
    /// a whole body of `T`.
    pub(crate) unsafe fn resume(
        place: *mut Self,
        judge: Option<&mut Judge<'_>>,
        user: impl FnOnce(&Kept) -> S,
    ) -> Kept {
        const { <Bytes<N> as Storage>::VALID };
        // SAFETY: in bounds of the place. Volatile, since the compiler knows of no write before.
        let (positions, storage, head, tail) = unsafe {
            let positions = &raw mut (*place).positions;
            let head = (&raw const (*positions).head).cast::<u32>().read_volatile();
            let tail = (&raw const (*positions).tail).cast::<u32>().read_volatile();
            (positions, &raw mut (*place).storage, head, tail)
        };
        let kept = match judge {
            // SAFETY: the storage of the place.
            Some(judge) => Walk::new(unsafe { initialised(storage) }, tail, head).run(judge),
            None => Kept::default(),
        };
        let mut state = State::new(user(&kept));
        state.numbered = kept.next;
        // SAFETY: in bounds of the place.
        unsafe {
            positions.write(Positions::between(kept.tail, kept.head));
            (&raw mut (*place).guarded).write(Guarded::new(state));
        }
        kept
    }
}

/// Returns the storage as words, each of which is written with the value that it has: so the compiler
/// knows that it has one.
///
/// # Safety
/// It is valid for reads and writes in `'s`, and its bytes have some value each.
unsafe fn initialised<'s, const N: usize>(storage: *mut Aligned<Bytes<N>>) -> &'s mut [Word] {
    let (base, words) = (storage.cast::<Word>(), N / WORD as usize);
    for at in 0..words {
        // SAFETY: in bounds, and aligned to 8 bytes.
        unsafe {
            let word = base.add(at);
            word.write(Word::new(word.cast::<usize>().read_volatile()));
        }
    }
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts_mut(base, words) }
}

/// A walk over frames of which nothing is believed.
struct Walk<'s> {
    words: &'s mut [Word],
    at: u32,
    end: u32,
    last: Option<u32>,
    kept: Kept,
}

impl<'s> Walk<'s> {
    fn new(words: &'s mut [Word], tail: u32, head: u32) -> Self {
        let (size, held) = (size_of_val(words) as u32, head.wrapping_sub(tail));
        let sound = held <= size && (head | tail).is_multiple_of(WORD);
        // Nothing is known about the frames between positions that cannot be.
        let (at, end) = if sound { (tail, head) } else { (0, 0) };
        let kept = Kept {
            tail: at,
            discarded: if sound { 0 } else { size },
            ..Kept::default()
        };
        Walk {
            words,
            at,
            end,
            last: None,
            kept,
        }
    }

    /// Walks up to the end, or to the first violation.
    fn run(mut self, judge: &mut Judge<'_>) -> Kept {
        while self.at != self.end {
            if self.frame(judge).is_none() {
                self.kept.discarded = self.end.wrapping_sub(self.at);
                break;
            }
        }
        self.kept.head = self.at;
        self.kept.next = self.last.map_or(0, |last| last.wrapping_add(1));
        self.kept
    }

    /// Checks one frame and moves behind it; `None` at a violation.
    fn frame(&mut self, judge: &mut Judge<'_>) -> Option<()> {
        let size = size_of_val(self.words) as u32;
        let offset = self.at & (size - 1);
        let room = to_end(size, self.at).min(self.end.wrapping_sub(self.at));
        let word = self.load(offset)?;
        let length = word & LENGTH;
        let is_pad = word & (PAD | OPEN) == PAD;
        let shortest = if is_pad { WORD } else { HEADER };
        if length < shortest || length > room || !length.is_multiple_of(WORD) {
            return None;
        }
        if !is_pad {
            let gap = self.gap(self.load(offset + 4)?)?;
            self.judge(offset, word, judge)?;
            self.kept.gaps = self.kept.gaps.saturating_add(gap);
            self.last = self.load(offset + 4);
        }
        self.at = self.at.wrapping_add(length);
        if self.kept.frames == 0 {
            self.kept.tail = self.at; // or what boots leave torn would fill the ring
        }
        Some(())
    }

    /// Returns how many numbers are missing before this one; `None` if it does not follow.
    fn gap(&self, sequence: u32) -> Option<u32> {
        let step = sequence.wrapping_sub(self.last.unwrap_or(sequence.wrapping_sub(1)));
        (1..=i32::MAX as u32).contains(&step).then(|| step - 1)
    }

    /// Counts a frame that is no pad, and makes one of it unless it is kept.
    fn judge(&mut self, offset: u32, word: u32, judge: &mut Judge<'_>) -> Option<()> {
        let length = word & LENGTH;
        let (body, end) = ((offset + HEADER) / WORD, (offset + length) / WORD);
        let count = match word & (OPEN | PAD) {
            OPEN => &mut self.kept.torn,
            0 => match judge(self.words.get_mut(body as usize..end as usize)?) {
                Verdict::Violation => return None,
                Verdict::Skip => &mut self.kept.outdated,
                Verdict::Keep => {
                    self.kept.frames += 1;
                    return Some(());
                }
            },
            _ => return None,
        };
        *count += 1;
        self.store(offset, length | PAD)
    }

    /// Loads half a header; `None` outside of the memory.
    fn load(&self, offset: u32) -> Option<u32> {
        let at = self.words.as_ptr().cast::<u32>();
        // SAFETY: in bounds, initialised, and a multiple of 4 bytes from a start that is aligned.
        self.has(offset)
            .then(|| unsafe { at.add(offset as usize / 4).read() })
    }

    /// Stores half a header; `None` outside of the memory.
    fn store(&mut self, offset: u32, word: u32) -> Option<()> {
        let at = self.words.as_mut_ptr().cast::<u32>();
        // SAFETY: in bounds, and a multiple of 4 bytes from a start that is aligned.
        self.has(offset)
            .then(|| unsafe { at.add(offset as usize / 4).write(word) })
    }

    fn has(&self, offset: u32) -> bool {
        offset as usize / 4 < size_of_val(self.words) / 4
    }
}

//! The ring's memory and mutex under loom: words that loom checks, a lock that it schedules, and
//! the weaknesses that the negative controls need.
//!
//! Exists under `--cfg loom` only; `tests/loom.rs` holds the models.

use core::cell::{Cell, OnceCell};
use core::ops::Deref;
use std::boxed::Box;
use std::thread_local;

use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicU32, Ordering};

use crate::raw_mutex::RawMutex;
use crate::ring::{Frame, HEADER, Storage, Word};

/// Bytes of a word.
const WORD: u32 = size_of::<Word>() as u32;

/// Storage of words that loom checks, as few of them as a model needs.
#[derive(Debug)]
pub struct Places(Box<[Place]>);

/// One word of memory. A commit word is accessed by `commit`, any other by the cells; each atomic
/// access counts as one of `body` too, so that loom detects a word that is used as both at a time.
#[derive(Debug)]
struct Place {
    commit: AtomicU32,
    sequence: UnsafeCell<u32>,
    body: UnsafeCell<Word>,
}

/// The counterpart of the ring's own memory, over [`Places`].
#[derive(Clone, Copy, Debug)]
pub struct Memory<'r>(&'r [Place]);

/// The commit word of a frame.
#[derive(Clone, Copy, Debug)]
pub struct CommitWord<'r>(&'r Place);

/// The words of a frame, copied at the first access: anywhere between the peek and the end of the
/// frame.
#[derive(Debug)]
pub struct FrameCopy<'r> {
    memory: Memory<'r>,
    position: u32,
    count: u32,
    words: OnceCell<Box<[Word]>>,
}

/// A [`RawMutex`] by loom's mutex.
#[derive(Debug)]
pub struct Locked(Mutex<()>);

/// The part of the ring that a negative control breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weakness {
    /// Frames are committed by a relaxed store.
    Commit,
    /// Frames are freed by a relaxed store.
    Release,
    /// The frame that the consumer reads is evicted like any other.
    Pin,
    /// The tail is read by a relaxed load, so the head may be older.
    Tail,
}

thread_local! {
    // Loom runs all threads of a model on the one that started it.
    static WEAKNESS: Cell<Option<Weakness>> = const { Cell::new(None) };
}

/// Sets the weakness of the ring, if any, in models that this thread runs.
pub fn weaken(weakness: Option<Weakness>) {
    WEAKNESS.set(weakness);
}

/// Returns whether the ring has this weakness now.
pub(crate) fn weakened(weakness: Weakness) -> bool {
    WEAKNESS.get() == Some(weakness)
}

impl Places {
    /// Makes `count` words, a power of two; all are 0.
    pub fn new(count: usize) -> Self {
        assert!(count.is_power_of_two());
        Places((0..count).map(|_| Place::new()).collect())
    }
}

// SAFETY: loom checks each access of a cell, and fails the model where two overlap.
unsafe impl Sync for Places {}
// SAFETY: as above.
unsafe impl Send for Memory<'_> {}
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

// SAFETY: the places belong to this value alone, and are as many as `new` checked.
unsafe impl Storage for Places {
    const VALID: () = ();

    fn memory(&self) -> Memory<'_> {
        Memory(&self.0)
    }
}

// SAFETY: the mutex is held while `f` runs.
unsafe impl RawMutex for Locked {
    fn new() -> Self {
        Locked(Mutex::new(()))
    }

    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        let _guard = self.0.lock().unwrap_or_else(|held| held.into_inner());
        f()
    }
}

impl Place {
    fn new() -> Self {
        Place {
            commit: AtomicU32::new(0),
            sequence: UnsafeCell::new(0),
            body: UnsafeCell::new(Word::new(0)),
        }
    }
}

impl<'r> Memory<'r> {
    pub(crate) fn size(self) -> u32 {
        self.0.len() as u32 * WORD
    }

    fn at(self, position: u32) -> &'r Place {
        assert!(position.is_multiple_of(WORD), "position {position}");
        let index = (position & (self.size() - 1)) / WORD;
        self.0.get(index as usize).expect("masked by the size")
    }

    fn read(self, position: u32) -> Word {
        self.at(position).body.with(|from| {
            // SAFETY: loom found no writer.
            unsafe { *from }
        })
    }

    pub(crate) fn commit_word(self, position: u32) -> CommitWord<'r> {
        CommitWord(self.at(position))
    }

    pub(crate) fn open(self, position: u32, word: u32) {
        let place = self.at(position);
        place.body.with_mut(|_| ());
        place.sequence.with_mut(|_| ());
        place.commit.store(word, Ordering::Relaxed);
    }

    pub(crate) unsafe fn write_sequence(self, position: u32, sequence: u32) {
        self.at(position).sequence.with_mut(|to| {
            // SAFETY: loom found no other access.
            unsafe { *to = sequence }
        });
    }

    pub(crate) unsafe fn fill(self, position: u32, first: &[Word], second: &[Word]) {
        let body = position.wrapping_add(HEADER);
        // SAFETY: guaranteed by the caller.
        unsafe {
            self.write(body, first);
            self.write(body.wrapping_add(size_of_val(first) as u32), second);
        }
    }

    unsafe fn write(self, position: u32, words: &[Word]) {
        let mut position = position;
        for word in words {
            let place = self.at(position);
            place.sequence.with_mut(|_| ());
            place.body.with_mut(|to| {
                // SAFETY: loom found no other access.
                unsafe { *to = *word }
            });
            position = position.wrapping_add(WORD);
        }
    }

    pub(crate) unsafe fn frame(self, position: u32, length: u32) -> Frame<'r> {
        let sequence = self.at(position).sequence.with(|from| {
            // SAFETY: loom found no writer.
            unsafe { *from }
        });
        let body = length.checked_sub(HEADER).expect("a committed frame");
        let copied = FrameCopy {
            memory: self,
            position: position.wrapping_add(HEADER),
            count: body / WORD,
            words: OnceCell::new(),
        };
        Frame {
            sequence,
            words: copied,
        }
    }
}

impl CommitWord<'_> {
    pub(crate) fn load(self, order: Ordering) -> u32 {
        let word = self.0.commit.load(order);
        self.0.body.with(|_| ());
        word
    }

    pub(crate) fn store(self, word: u32, order: Ordering) {
        self.0.body.with(|_| ());
        self.0.commit.store(word, order);
    }
}

impl Deref for FrameCopy<'_> {
    type Target = [Word];

    fn deref(&self) -> &[Word] {
        self.words.get_or_init(|| {
            let positions = (0..self.count).map(|i| self.position.wrapping_add(i * WORD));
            positions.map(|at| self.memory.read(at)).collect()
        })
    }
}

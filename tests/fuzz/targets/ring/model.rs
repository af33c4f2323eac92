//! The model of a ring: a list of frames, and where producers and consumer stand.

use std::collections::VecDeque;

use picojaeger_core::ring::Word;

/// Bytes of a frame's header.
const HEADER: u64 = 8;

/// What the consumer sees of a frame: its number, and its length in words.
pub type Seen = (u32, usize);

pub struct Model {
    pub overwrites: bool,
    pub size: u64,
    pub head: u64,
    pub tail: u64,
    pub cursor: u64,
    /// Length of the frame that was peeked.
    peeked: u64,
    /// The frame at the tail is being read, and the ring overwrites.
    pinned: bool,
    entries: VecDeque<Entry>,
    pub refused: usize,
    pub evicted: usize,
}

struct Entry {
    at: u64,
    length: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Pad,
    Committed(Seen),
}

fn frame_length(words: usize) -> u64 {
    HEADER + size_of::<Word>() as u64 * words as u64
}

impl Model {
    pub fn new(size: u64, overwrites: bool) -> Self {
        Model {
            overwrites,
            size,
            head: 0,
            tail: 0,
            cursor: 0,
            peeked: 0,
            pinned: false,
            entries: VecDeque::new(),
            refused: 0,
            evicted: 0,
        }
    }

    /// Reserves a frame, and returns where it lies; `None` if it finds no room.
    pub fn reserve(&mut self, words: usize) -> Option<u64> {
        let at = self.make_room(frame_length(words));
        match at {
            Some(at) => self.append(at, frame_length(words), State::Open),
            None => self.refused += 1,
        }
        at
    }

    pub fn commit(&mut self, at: u64, seen: Seen) {
        self.set(at, State::Committed(seen));
    }

    pub fn abandon(&mut self, at: u64) {
        self.set(at, State::Pad);
    }

    /// Whether a frame finds room at the head without a pad.
    pub fn fits_at_once(&self, words: usize) -> bool {
        let length = frame_length(words);
        length <= self.free().min(self.to_end())
    }

    pub fn peek(&mut self) -> Option<Seen> {
        let seen = self.skip_pads()?;
        self.peeked = frame_length(seen.1);
        self.pinned = self.overwrites;
        Some(seen)
    }

    pub fn peek_before(&mut self, end: u64) -> Option<Seen> {
        if self.overwrites {
            return None;
        }
        self.skip_pads()?;
        if self.cursor >= end {
            None
        } else {
            self.peek()
        }
    }

    pub fn advance(&mut self) {
        let length = std::mem::take(&mut self.peeked);
        self.cursor += length;
        if self.overwrites && length > 0 {
            self.pinned = false;
            self.free_to(self.cursor);
        }
    }

    pub fn leave(&mut self) {
        self.peeked = 0;
        self.pinned = false;
    }

    pub fn release(&mut self) {
        if !self.overwrites {
            self.free_to(self.cursor);
        }
    }

    pub fn rewind(&mut self) {
        self.leave();
        if !self.overwrites {
            self.cursor = self.tail;
        }
    }

    /// A consumer ends, and another begins.
    pub fn retake(&mut self) {
        self.leave();
        self.cursor = self.tail;
    }

    /// Bytes from the consumer to the head.
    pub fn backlog(&self) -> usize {
        let from = if self.overwrites {
            self.tail
        } else {
            self.cursor
        };
        (self.head - from) as usize
    }

    fn make_room(&mut self, length: u64) -> Option<u64> {
        loop {
            let pad = if length > self.to_end() {
                self.to_end()
            } else {
                0
            };
            if pad + length > self.size {
                return None;
            }
            if pad + length <= self.free() {
                if pad > 0 {
                    self.append(self.head, pad, State::Pad);
                }
                return Some(self.head);
            }
            if !self.overwrites || !self.evict() {
                return None;
            }
        }
    }

    fn evict(&mut self) -> bool {
        match self.entries.front() {
            Some(oldest) if oldest.state != State::Open && !self.pinned => {
                self.evicted += usize::from(oldest.state != State::Pad);
                let end = oldest.at + oldest.length;
                self.free_to(end);
                true
            }
            _ => false,
        }
    }

    /// Moves the consumer behind pads, and returns the frame that it meets.
    fn skip_pads(&mut self) -> Option<Seen> {
        if self.overwrites {
            while let Some(Entry {
                state: State::Pad,
                at,
                length,
            }) = self.entries.front()
            {
                self.free_to(at + length);
            }
            // An open frame moves nothing.
            if let Some(Entry {
                state: State::Committed(_),
                at,
                ..
            }) = self.entries.front()
            {
                self.cursor = *at;
            }
        }
        let from = if self.overwrites {
            self.tail
        } else {
            self.cursor
        };
        for entry in self.entries.iter().skip_while(|entry| entry.at < from) {
            match entry.state {
                State::Open => return None,
                State::Committed(seen) => return Some(seen),
                State::Pad => self.cursor = entry.at + entry.length,
            }
        }
        None
    }

    fn append(&mut self, at: u64, length: u64, state: State) {
        self.entries.push_back(Entry { at, length, state });
        self.head = at + length;
    }

    fn set(&mut self, at: u64, state: State) {
        let mut entries = self.entries.iter_mut();
        let entry = entries.find(|entry| entry.at == at);
        entry.expect("an open frame is not freed").state = state;
    }

    fn free_to(&mut self, end: u64) {
        self.entries.retain(|entry| entry.at >= end);
        self.tail = end;
    }

    fn free(&self) -> u64 {
        self.size - (self.head - self.tail)
    }

    fn to_end(&self) -> u64 {
        self.size - self.head % self.size
    }
}

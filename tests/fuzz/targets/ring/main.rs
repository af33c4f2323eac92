//! Each call on a ring returns what a simple model of it says: a list of frames.
#![no_main]

mod model;

use libfuzzer_sys::fuzz_target;
use model::{Model, Seen};
use picojaeger_core::Interrupts;
use picojaeger_core::ring::{
    Bytes, Consumer, DropNewest, Dropped, Frame, FrameRing, Mark, OverwriteOldest, Policy,
    Producer, PushError, Reservation, Spsc, Word,
};

const SIZE: usize = 256;
/// Words of the bodies: frames that fill the ring exactly, with others and alone, and some that do not.
const LENGTHS: [u8; 8] = [0, 1, 2, 3, 6, 7, 15, 31];

#[derive(Clone, Copy, Debug)]
enum Call {
    Push {
        words: usize,
    },
    /// Pushes if that takes no look at the consumer; on rings with one producer.
    PushFast {
        words: usize,
    },
    /// Leaves the frame open; on rings with a mutex, as are the next two.
    Reserve {
        words: usize,
    },
    /// Commits an open frame, or another length, which skips it.
    Commit {
        which: usize,
        other_length: bool,
    },
    Abandon {
        which: usize,
    },
    Peek,
    PeekBefore,
    Advance,
    Leave,
    Release,
    Rewind,
    SetMark,
    Retake,
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, calls)) = input.split_first() else {
        return;
    };
    let calls: Vec<_> = calls.iter().copied().map(Call::from).collect();
    match kind % 3 {
        0 => one_producer(&calls),
        1 => shared::<DropNewest>(&calls, false),
        _ => shared::<OverwriteOldest>(&calls, true),
    }
});

/// One byte is one call, so that each change of an input is a change of one call.
impl From<u8> for Call {
    fn from(byte: u8) -> Self {
        let (argument, which) = (byte >> 4, usize::from(byte >> 4));
        let words = usize::from(LENGTHS[which % LENGTHS.len()]);
        match byte & 15 {
            0 | 1 => Call::Push { words },
            2 => Call::PushFast { words },
            3 => Call::Reserve { words },
            4 => Call::Commit {
                which,
                other_length: argument == 15,
            },
            5 => Call::Abandon { which },
            6 | 7 => Call::Peek,
            8 => Call::PeekBefore,
            9 | 10 => Call::Advance,
            11 => Call::Leave,
            12 => Call::Release,
            13 => Call::Rewind,
            14 => Call::SetMark,
            _ => Call::Retake,
        }
    }
}

fn one_producer(calls: &[Call]) {
    let mut ring = FrameRing::<Spsc, (), Bytes<SIZE>>::spsc();
    let mut model = Model::new(SIZE as u64, false);
    let mut sequence = 0;
    for calls in calls.split_inclusive(|call| matches!(call, Call::Retake)) {
        let (mut producer, consumer) = ring.split();
        model.retake();
        let mut reader = Reader::new(consumer, &model);
        for call in calls {
            let pushed = push(&mut producer, &mut model, *call, sequence);
            sequence += u32::from(pushed);
            reader.call(*call, &mut model);
            let held = (model.head - model.tail) as usize;
            assert!(producer.backlog_bound() >= held);
            // Only now and then, since it is a look at the consumer's side.
            if matches!(call, Call::SetMark) {
                assert_eq!(producer.backlog(), held);
            }
            assert_counts(producer.dropped(), &model);
        }
    }
}

/// Executes the calls that push; returns whether this is one.
fn push(producer: &mut Producer<'_>, model: &mut Model, call: Call, sequence: u32) -> bool {
    match call {
        Call::Push { words } | Call::Reserve { words } => {
            let body = body(sequence, words);
            let place = model.reserve(body.len());
            let expected = if place.is_some() {
                Ok(())
            } else {
                Err(PushError::Full)
            };
            assert_eq!(producer.push(sequence, &body), expected);
            if let Some(at) = place {
                model.commit(at, (sequence, body.len()));
            }
            true
        }
        Call::PushFast { words } => {
            let body = body(sequence, words);
            if producer.push_fast(sequence, &body) {
                assert!(model.fits_at_once(body.len()));
                let at = model.reserve(body.len()).expect("it fits");
                model.commit(at, (sequence, body.len()));
            }
            true
        }
        _ => false,
    }
}

fn shared<P: Policy>(calls: &[Call], overwrites: bool) {
    let ring = FrameRing::<Interrupts, u32, Bytes<SIZE>, P>::new(0);
    let mut model = Model::new(SIZE as u64, overwrites);
    let mut open = Vec::new();
    let mut reader = Reader::new(ring.consumer().expect("the first"), &model);
    for call in calls {
        match *call {
            Call::Push { words } | Call::PushFast { words } => {
                reserve(&ring, &mut model, words, &mut open);
                if let Some(frame) = open.pop() {
                    frame.commit(&mut model, false);
                }
            }
            Call::Reserve { words } => reserve(&ring, &mut model, words, &mut open),
            Call::Commit {
                which,
                other_length,
            } if !open.is_empty() => {
                let frame: OpenFrame<'_> = open.swap_remove(which % open.len());
                frame.commit(&mut model, other_length);
            }
            Call::Abandon { which } if !open.is_empty() => {
                let frame = open.swap_remove(which % open.len());
                model.abandon(frame.at);
            }
            Call::Retake => {
                assert!(ring.consumer().is_none(), "there is one already");
                drop(reader);
                model.retake();
                reader = Reader::new(ring.consumer().expect("the former is gone"), &model);
            }
            _ => reader.call(*call, &mut model),
        }
        assert_counts(ring.dropped(), &model);
    }
}

/// A frame of the ring that is not committed.
struct OpenFrame<'r> {
    reservation: Reservation<'r>,
    at: u64,
    words: usize,
}

/// Reserves a frame, and puts it behind the open ones if there is room.
fn reserve<'r, P: Policy>(
    ring: &'r FrameRing<Interrupts, u32, Bytes<SIZE>, P>,
    model: &mut Model,
    words: usize,
    open: &mut Vec<OpenFrame<'r>>,
) {
    let before = ring.with(|stamps| *stamps).expect("not within a call");
    let (stamp, reserved) = ring.reserve(words, |stamps, sequence| {
        *stamps += 1;
        sequence
    });
    assert_eq!(stamp, Some(before), "dropped frames are numbered");
    let at = model.reserve(words);
    match reserved {
        Ok(reservation) => {
            assert_eq!(reservation.sequence(), before);
            let at = at.expect("the model has no room");
            open.push(OpenFrame {
                reservation,
                at,
                words,
            });
        }
        Err(error) => {
            assert!(at.is_none(), "the model has room");
            let blocked = error == PushError::Blocked;
            assert_eq!(blocked, model.overwrites);
        }
    }
}

impl OpenFrame<'_> {
    fn commit(self, model: &mut Model, other_length: bool) {
        let sequence = self.reservation.sequence();
        let words = self.words + usize::from(other_length);
        self.reservation.commit(&body(sequence, words));
        match other_length {
            true => model.abandon(self.at),
            false => model.commit(self.at, (sequence, words)),
        }
    }
}

/// The consumer, and a mark of it.
struct Reader<'r> {
    consumer: Consumer<'r>,
    mark: (Mark, u64),
}

impl<'r> Reader<'r> {
    fn new(consumer: Consumer<'r>, model: &Model) -> Self {
        let mark = (consumer.mark(), model.head);
        Reader { consumer, mark }
    }

    /// Executes the calls of consumers.
    fn call(&mut self, call: Call, model: &mut Model) {
        match call {
            Call::Peek => assert_eq!(self.consumer.peek().map(seen), model.peek()),
            Call::PeekBefore => {
                let (mark, at) = self.mark;
                assert_eq!(
                    self.consumer.peek_before(mark).map(seen),
                    model.peek_before(at)
                );
            }
            Call::Advance => {
                self.consumer.advance();
                model.advance();
            }
            Call::Leave => {
                self.consumer.leave();
                model.leave();
            }
            Call::Release => {
                self.consumer.release();
                model.release();
            }
            Call::Rewind => {
                self.consumer.rewind();
                model.rewind();
            }
            Call::SetMark => self.mark = (self.consumer.mark(), model.head),
            _ => {}
        }
        assert_eq!(self.consumer.backlog(), model.backlog());
        let passed = model.head - model.backlog() as u64 >= self.mark.1;
        assert_eq!(self.consumer.has_passed(self.mark.0), passed);
    }
}

fn assert_counts(dropped: Dropped, model: &Model) {
    let refused = if model.overwrites {
        dropped.blocked
    } else {
        dropped.full
    };
    assert_eq!((refused, dropped.evicted), (model.refused, model.evicted));
    assert_eq!(
        dropped.full + dropped.blocked + dropped.reentered,
        model.refused
    );
}

/// Words of which each depends on the frame and its place.
fn body(sequence: u32, words: usize) -> Vec<Word> {
    let base = sequence as usize * 1_000;
    (base..base + words).map(Word::new).collect()
}

/// Checks a frame's words, and returns its number and length.
fn seen(frame: Frame<'_>) -> Seen {
    for (place, word) in frame.words.iter().enumerate() {
        // SAFETY: `body` made every word of every frame that is committed.
        let word = unsafe { word.assume_init() };
        assert_eq!(word, frame.sequence as usize * 1_000 + place);
    }
    (frame.sequence, frame.words.len())
}

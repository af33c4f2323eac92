//! Unit tests of the ring.

use super::frame::{HEADER, LENGTH, WORD};
use super::*;
use crate::raw_mutex::Interrupts;
use crate::raw_mutex::tests::Porous;

type Test<P> = FrameRing<Interrupts, u32, Bytes<256>, P>;
/// 40 bytes of body: 48 bytes a frame, so five frames and a pad of 16 fill the ring.
const BODY: usize = 40 / size_of::<usize>();

fn push<P: Policy>(ring: &Test<P>, value: usize) -> Result<(), PushError> {
    let (_, reservation) = ring.reserve(BODY, |count, _| *count += 1);
    reservation.map(|reservation| reservation.commit(&[Word::new(value); BODY]))
}

fn values(consumer: &mut Consumer<'_>) -> std::vec::Vec<usize> {
    let mut found = std::vec::Vec::new();
    while let Some(frame) = consumer.peek() {
        // SAFETY: `push` wrote every word.
        let words = frame.words.iter().map(|word| unsafe { word.assume_init() });
        let words: std::vec::Vec<_> = words.collect();
        assert!(words.iter().all(|word| *word == words[0]) && words.len() == BODY);
        found.push(words[0]);
        consumer.advance();
    }
    found
}

#[test]
fn a_full_ring_drops_the_newest_and_counts_it() {
    let ring = Test::<DropNewest>::new(0);
    for value in 0..5 {
        assert_eq!(push(&ring, value), Ok(()));
    }
    assert_eq!(push(&ring, 5), Err(PushError::Full));
    assert_eq!(ring.dropped().full, 1);
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(values(&mut consumer), [0, 1, 2, 3, 4]);
    assert_eq!(
        push(&ring, 6),
        Err(PushError::Full),
        "nothing was freed yet"
    );
    consumer.release();
    assert_eq!(push(&ring, 7), Ok(()));
    assert_eq!(
        consumer.peek().unwrap().sequence,
        7,
        "dropped frames are numbered"
    );
    assert_eq!(ring.with(|count| *count), Some(8));
}

#[test]
fn rewinding_delivers_again() {
    let ring = Test::<DropNewest>::new(0);
    push(&ring, 1).unwrap();
    push(&ring, 2).unwrap();
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(values(&mut consumer), [1, 2]);
    consumer.rewind();
    assert_eq!(values(&mut consumer), [1, 2]);
    consumer.release();
    consumer.rewind();
    assert_eq!(values(&mut consumer), []);
}

#[test]
fn reading_again_ends_where_it_ended_before_although_a_pad_lies_there() {
    let ring = Test::<DropNewest>::new(0);
    let mut consumer = ring.consumer().unwrap();
    for value in 0..4 {
        push(&ring, value).unwrap();
    }
    assert_eq!(values(&mut consumer), [0, 1, 2, 3]);
    consumer.release();
    push(&ring, 4).unwrap();
    assert_eq!(values(&mut consumer), [4]);
    let end = consumer.cursor();
    // Behind a pad, since it does not fit into the rest.
    push(&ring, 5).unwrap();
    consumer.rewind();
    let mut again = 0;
    while consumer.peek_before(end).is_some() {
        consumer.advance();
        again += 1;
    }
    assert_eq!(again, 1);
    consumer.release();
    assert_eq!(values(&mut consumer), [5]);
}

#[test]
fn frames_never_wrap_and_positions_do() {
    let ring = Test::<DropNewest>::new(0);
    ring.positions.head.store(u32::MAX - 255, Ordering::Relaxed);
    ring.positions.tail.store(u32::MAX - 255, Ordering::Relaxed);
    let mut consumer = ring.consumer().unwrap();
    // More bytes than are left before positions begin anew.
    let rounds = if cfg!(miri) { 32 } else { 100 };
    for value in 0..rounds {
        push(&ring, value).unwrap();
        assert_eq!(values(&mut consumer), [value]);
        consumer.release();
    }
    assert!(ring.positions.head.load(Ordering::Relaxed) < 1 << 16);
    assert_eq!(ring.dropped(), Dropped::default());
}

#[test]
fn the_consumer_stops_at_an_open_frame() {
    let ring = Test::<DropNewest>::new(0);
    let (_, reservation) = ring.reserve(BODY, |_, _| ());
    push(&ring, 2).unwrap();
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(values(&mut consumer), []);
    reservation.unwrap().commit(&[Word::new(1); BODY]);
    assert_eq!(values(&mut consumer), [1, 2]);
}

#[test]
fn a_reservation_that_is_dropped_is_skipped() {
    let ring = Test::<DropNewest>::new(0);
    drop(ring.reserve(BODY, |_, _| ()));
    push(&ring, 2).unwrap();
    assert_eq!(values(&mut ring.consumer().unwrap()), [2]);
}

#[test]
fn a_body_of_another_length_is_skipped() {
    let ring = Test::<DropNewest>::new(0);
    for length in [BODY - 1, BODY + 1] {
        let (_, reservation) = ring.reserve(length, |_, _| ());
        reservation.unwrap().commit(&[Word::new(1); BODY]);
    }
    push(&ring, 2).unwrap();
    assert_eq!(values(&mut ring.consumer().unwrap()), [2]);
}

#[test]
fn overwriting_evicts_the_oldest() {
    let ring = Test::<OverwriteOldest>::new(0);
    for value in 0..50 {
        assert_eq!(push(&ring, value), Ok(()));
    }
    let found = values(&mut ring.consumer().unwrap());
    assert_eq!(found.last(), Some(&49));
    assert_eq!(found.len() + ring.dropped().evicted, 50);
    assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]));
}

#[test]
fn overwriting_touches_no_open_and_no_pinned_frame() {
    let ring = Test::<OverwriteOldest>::new(0);
    for value in 0..5 {
        push(&ring, value).unwrap();
    }
    let mut consumer = ring.consumer().unwrap();
    consumer.peek().unwrap();
    assert_eq!(push(&ring, 5), Err(PushError::Blocked));
    consumer.leave();
    assert_eq!(push(&ring, 5), Ok(()));
    assert_eq!(ring.dropped().evicted, 1);
    assert_eq!(values(&mut consumer), [1, 2, 3, 4, 5]);

    let (_, open) = ring.reserve(BODY, |_, _| ());
    for value in 0..4 {
        push(&ring, value).unwrap();
    }
    assert_eq!(push(&ring, 9), Err(PushError::Blocked));
    assert_eq!(ring.dropped().blocked, 2);
    drop(open);
}

#[test]
fn there_is_one_consumer_at_a_time() {
    let ring = Test::<DropNewest>::new(0);
    let first = ring.consumer();
    assert!(first.is_some() && ring.consumer().is_none());
    drop(first);
    assert!(ring.consumer().is_some());
}

#[test]
fn a_frame_that_no_ring_holds_is_refused() {
    let ring = Test::<DropNewest>::new(0);
    for words in [256 / size_of::<usize>(), 1 << 16, usize::MAX] {
        assert_eq!(
            ring.reserve(words, |_, _| ()).1.err(),
            Some(PushError::Full)
        );
    }
    let ring = Test::<OverwriteOldest>::new(0);
    push(&ring, 1).unwrap();
    assert_eq!(
        ring.reserve(usize::MAX, |_, _| ()).1.err(),
        Some(PushError::Blocked)
    );
    assert_eq!(ring.dropped().evicted, 0, "no frame goes for nothing");
}

#[test]
fn a_length_that_no_commit_word_holds_exceeds_the_largest_ring() {
    let longest = ((LENGTH - HEADER) / WORD) as usize;
    assert!(frame_length(longest) <= LENGTH);
    for words in [longest + 1, 1 << 29, usize::MAX / 8, usize::MAX] {
        let (_, need) = fit(1 << 30, 0, frame_length(words));
        assert!(need > 1 << 30, "{words} words");
    }
}

#[test]
fn overwriting_never_moves_the_tail_back() {
    let ring = Test::<OverwriteOldest>::new(0);
    let mut consumer = ring.consumer().unwrap();
    let evict_all = || (0..8).for_each(|value| push(&ring, value).unwrap());
    evict_all();
    consumer.advance(); // nothing was peeked
    assert_eq!(values(&mut consumer), [3, 4, 5, 6, 7]);
    evict_all();
    consumer.advance(); // nothing since the last advance
    assert!(consumer.peek().is_some());
    consumer.leave();
    evict_all();
    consumer.advance(); // what was peeked is gone
    assert_eq!(values(&mut consumer), [3, 4, 5, 6, 7]);
}

#[test]
fn rewinding_ends_a_pin() {
    let ring = Test::<OverwriteOldest>::new(0);
    (0..5).for_each(|value| push(&ring, value).unwrap());
    let mut consumer = ring.consumer().unwrap();
    assert!(consumer.peek().is_some());
    consumer.rewind();
    assert_eq!(push(&ring, 5), Ok(()));
}

#[test]
fn a_forgotten_consumer_or_reservation_only_stops_the_ring() {
    let ring = Test::<OverwriteOldest>::new(0);
    (0..5).for_each(|value| push(&ring, value).unwrap());
    let mut consumer = ring.consumer().unwrap();
    assert!(consumer.peek().is_some());
    core::mem::forget(consumer);
    assert_eq!(push(&ring, 5), Err(PushError::Blocked));
    assert!(ring.consumer().is_none());

    let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
    let (mut producer, consumer) = ring.split();
    producer.push(1, &[Word::new(1)]).unwrap();
    core::mem::forget((producer, consumer));
    let (mut producer, mut consumer) = ring.split();
    producer.push(2, &[Word::new(2)]).unwrap();
    assert_eq!(consumer.peek().map(|frame| frame.sequence), Some(1));
    consumer.advance();
    assert_eq!(consumer.peek().map(|frame| frame.sequence), Some(2));
}

#[test]
fn two_threads_push_while_a_third_reads() {
    static RING: Test<DropNewest> = Test::new(0);
    const EACH: usize = if cfg!(miri) { 40 } else { 10_000 };
    let mut consumer = RING.consumer().unwrap();
    let (mut found, mut pushed) = (0, 0);
    std::thread::scope(|scope| {
        let producers = [1, 2].map(|start| {
            scope.spawn(move || (0..EACH).filter(|i| push(&RING, start + i).is_ok()).count())
        });
        while producers.iter().any(|producer| !producer.is_finished()) {
            found += values(&mut consumer).len();
            consumer.release();
            std::thread::yield_now();
        }
        pushed = producers
            .map(|producer| producer.join().unwrap())
            .iter()
            .sum();
    });
    found += values(&mut consumer).len();
    assert_eq!(found, pushed);
    assert_eq!(pushed + RING.dropped().full, 2 * EACH);
}

#[test]
fn one_producer_needs_no_mutex() {
    const EACH: u32 = if cfg!(miri) { 60 } else { 20_000 };
    let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
    let (mut producer, mut consumer) = ring.split();
    let (mut found, mut last) = (0, None);
    std::thread::scope(|scope| {
        let pushing = scope.spawn(move || {
            let kept = (0..EACH).filter(|i| producer.push(*i, &[Word::new(0); 3]).is_ok());
            (kept.count(), producer.dropped().full)
        });
        let mut drain = || {
            while let Some(frame) = consumer.peek() {
                assert!(last < Some(frame.sequence));
                last = Some(frame.sequence);
                assert_eq!(frame.words.len(), 3);
                found += 1;
                consumer.advance();
                consumer.release();
            }
        };
        while !pushing.is_finished() {
            drain();
            std::thread::yield_now();
        }
        let (pushed, full) = pushing.join().unwrap();
        drain(); // only joining orders what was pushed before this
        assert_eq!((found, full + pushed), (pushed, EACH as usize));
    });
}

/// Frames of all short lengths, pushed at once where that is possible: all come out, and
/// where the ring is half full the long way is taken at each eighth.
#[test]
fn a_push_at_once_is_a_push() {
    const SIZE: u32 = 512;
    const ROUNDS: u32 = if cfg!(miri) { 150 } else { 20_000 };
    let mut ring = FrameRing::<Spsc, (), Bytes<512>>::spsc();
    let (mut producer, mut consumer) = ring.split();
    let mut random = crate::id_generator::IdGenerator::new(crate::Seed::from_words([1, 2, 3]));
    let mut held = std::collections::VecDeque::new();
    let (mut used, mut unseen, mut at_once) = (0, 0, 0);
    for sequence in 0..ROUNDS {
        let random = random.span_id().get();
        let body = [Word::new(sequence as usize); 12];
        let body = &body[..random as usize % body.len()];
        let length = frame_length(body.len());
        if producer.push_fast(sequence, body) {
            at_once += 1;
            used += length;
            unseen += length;
            assert!(used <= SIZE / 2 || unseen <= SIZE / 8, "{unseen} of {used}");
            held.push_back((sequence, body.len(), length));
        } else if producer.push(sequence, body).is_ok() {
            (used, unseen) = (producer.backlog() as u32, 0);
            held.push_back((sequence, body.len(), length));
        }
        if random >> 32 & 3 == 0 {
            for _ in 0..held.len().div_ceil(2) {
                let frame = consumer.peek().unwrap();
                let (sequence, words, length) = held.pop_front().unwrap();
                assert_eq!((frame.sequence, frame.words.len()), (sequence, words));
                consumer.advance();
                used = used.saturating_sub(length);
            }
            consumer.release();
        }
    }
    assert!(at_once > ROUNDS / 4, "only {at_once} of {ROUNDS} at once");
    assert!(producer.dropped().full > 0);
}

#[test]
fn a_push_at_once_takes_no_body_that_a_frame_cannot_have() {
    let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
    let (mut producer, _consumer) = ring.split();
    assert!(!producer.push_fast(0, &[]), "it has not looked yet");
    producer.push(0, &[]).unwrap();
    let words = [Word::new(0); 300];
    assert!(!producer.push_fast(1, &words), "longer than the ring");
    assert!(producer.push_fast(1, &[Word::new(0)]));
    assert_eq!(producer.dropped().full, 0);
}

/// A mutex that an interrupt with a push of its own comes before, once.
struct Interrupted;

static NEWEST: FrameRing<Interrupted, (), Bytes<256>> = FrameRing::new(());
static OLDEST: FrameRing<Interrupted, (), Bytes<256>, OverwriteOldest> = FrameRing::new(());

std::thread_local! {
    /// Sections until the interrupt comes, and what it does.
    static INTERRUPT: core::cell::Cell<(usize, fn())> = const { core::cell::Cell::new((0, || ())) };
}

// SAFETY: each ring is used by one thread, and the interrupt ends before the section begins.
unsafe impl RawMutex for Interrupted {
    const INIT: Self = Interrupted;
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        let (left, interrupt) = INTERRUPT.get();
        INTERRUPT.set((left.saturating_sub(1), interrupt));
        if left == 1 {
            interrupt();
        }
        f()
    }
}

fn push_one<P: Policy>(ring: &FrameRing<Interrupted, (), Bytes<256>, P>) {
    let (_, reservation) = ring.reserve(BODY, |_, _| ());
    reservation.unwrap().commit(&[Word::new(1); BODY]);
}

#[test]
fn an_interrupt_between_the_sections_of_a_push_takes_its_turn() {
    const ROUNDS: usize = 21;
    let (mut consumer, mut expected) = (NEWEST.consumer().unwrap(), 0);
    for round in 0..ROUNDS {
        INTERRUPT.set((round % 7, || push_one(&NEWEST)));
        push_one(&NEWEST);
        while let Some(frame) = consumer.peek() {
            assert_eq!(frame.sequence, expected);
            expected += 1;
            consumer.advance();
        }
        consumer.release();
    }
    INTERRUPT.set((0, || ()));
    // The first section is interrupted each time that it is its turn, those behind it at wraps.
    assert!(expected as usize > ROUNDS + ROUNDS / 7, "{expected} frames");
    assert_eq!(NEWEST.dropped(), Dropped::default());
}

#[test]
fn an_interrupt_between_the_sections_of_an_eviction_takes_its_turn() {
    const ROUNDS: usize = 21;
    for round in 0..ROUNDS {
        INTERRUPT.set((round % 7, || push_one(&OLDEST)));
        push_one(&OLDEST);
    }
    INTERRUPT.set((0, || ()));
    let (mut consumer, mut found, mut last) = (OLDEST.consumer().unwrap(), 0, None);
    while let Some(frame) = consumer.peek() {
        assert!(last.is_none_or(|last: u32| frame.sequence == last + 1));
        last = Some(frame.sequence);
        found += 1;
        consumer.advance();
    }
    assert_eq!(
        last.map(|last| last as usize + 1),
        Some(OLDEST.dropped().evicted + found)
    );
    assert_eq!(OLDEST.dropped().blocked, 0);
}

#[test]
fn a_push_finds_out_what_was_freed() {
    let mut ring = FrameRing::<Spsc, (), Bytes<512>>::spsc();
    let (mut producer, mut consumer) = ring.split();
    let at_once = |producer: &mut Producer<'_>| {
        producer.push(0, &[]).unwrap();
        std::iter::from_fn(|| producer.push_fast(0, &[]).then_some(())).count()
    };
    // To just before the half of it, and then an eighth further.
    let (half, eighth) = (256 / HEADER as usize, 64 / HEADER as usize);
    assert_eq!(at_once(&mut producer), half - 2);
    assert_eq!(at_once(&mut producer), eighth);
    for _ in 0..half + eighth {
        consumer.peek().unwrap();
        consumer.advance();
    }
    consumer.release();
    // To its end now, since no frame wraps, and from there to just before the half.
    assert_eq!(at_once(&mut producer), half - 1 - eighth);
    assert_eq!(at_once(&mut producer), eighth - 2);
}

/// A body in two parts.
struct Halves;

// SAFETY: a frame is viewed as the words it is.
unsafe impl Payload for Halves {
    type Body<'b> = [&'b [Word]; 2];
    type View<'v> = Frame<'v>;

    fn parts<'b>(body: &'b Self::Body<'_>) -> [&'b [Word]; 2] {
        *body
    }

    unsafe fn view(frame: Frame<'_>) -> Frame<'_> {
        frame
    }
}

#[test]
fn both_parts_of_a_body_are_copied_and_a_long_second_one_not_at_once() {
    const STEP: usize = if cfg!(miri) { 8 } else { 1 };
    let words: std::vec::Vec<_> = (0..40).map(Word::new).collect();
    for (first, second) in [0, 8, 9, 40]
        .into_iter()
        .flat_map(|n| (0..=40).step_by(STEP).map(move |m| (n, m)))
    {
        let mut ring = FrameRing::<Spsc, (), Bytes<2048>, _, Halves>::spsc();
        let (mut producer, mut consumer) = ring.split();
        // So that the producer has looked at the consumer's side.
        producer.push(0, &[&[], &[]]).unwrap();
        let body = [&words[..first], &words[..second]];
        let at_once = producer.push_fast(1, &body);
        assert_eq!(at_once, second <= 32, "{first} and {second}");
        if !at_once {
            producer.push(1, &body).unwrap();
        }
        consumer.peek().unwrap();
        consumer.advance();
        let frame = consumer.peek().unwrap();
        assert_eq!((frame.sequence, frame.words.len()), (1, first + second));
        // SAFETY: all words were written.
        let seen = frame.words.iter().map(|word| unsafe { word.assume_init() });
        assert!(seen.eq((0..first).chain(0..second)), "{first} and {second}");
    }
}

#[test]
fn a_reservation_takes_a_body_in_two_parts() {
    let ring = FrameRing::<Interrupts, (), Bytes<256>, DropNewest, Halves>::new(());
    let words = [1, 2, 3].map(Word::new);
    let (_, reservation) = ring.reserve(3, |_, _| ());
    let reservation = reservation.unwrap();
    assert_eq!(reservation.sequence(), 0);
    reservation.commit(&[&words[..1], &words[1..]]);
    let (_, reservation) = ring.reserve(1, |_, _| ());
    assert_eq!(reservation.unwrap().sequence(), 1);
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(consumer.peek().map(|frame| frame.words.len()), Some(3));
}

#[test]
fn a_frame_that_fits_the_free_bytes_exactly_is_taken() {
    const WHOLE: usize = (128 - HEADER as usize) / size_of::<usize>();
    let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
    let (mut producer, mut consumer) = ring.split();
    assert_eq!(producer.capacity(), 128);
    producer.push(0, &[Word::new(0); WHOLE]).unwrap();
    assert_eq!(producer.push(1, &[]), Err(PushError::Full));
    consumer.peek().unwrap();
    consumer.advance();
    consumer.release();
    // To the end of the memory with the second, and what the first leaves with the third.
    producer.push(2, &[]).unwrap();
    producer
        .push(
            3,
            &[Word::new(0); WHOLE - HEADER as usize / size_of::<usize>()],
        )
        .unwrap();
    consumer.peek().unwrap();
    consumer.advance();
    consumer.release();
    producer.push(4, &[]).unwrap();
    assert_eq!(producer.dropped().full, 1);
}

#[test]
fn a_frame_as_long_as_the_ring_evicts_all_others() {
    let ring = Test::<OverwriteOldest>::new(0);
    let whole = (256 - HEADER as usize) / size_of::<usize>();
    let half = (128 - HEADER as usize) / size_of::<usize>();
    for words in [half, half, whole] {
        let (_, reservation) = ring.reserve(words, |_, _| ());
        drop(reservation.unwrap());
    }
    assert_eq!(ring.dropped().blocked, 0);
}

#[test]
fn a_push_evicts_a_limited_number_of_frames() {
    let ring = FrameRing::<Interrupts, (), Bytes<512>, OverwriteOldest>::new(());
    let push = |words: usize| {
        let (_, reservation) = ring.reserve(words, |_, _| ());
        reservation.map(|reservation| reservation.commit(&[Word::new(0); 63][..words]))
    };
    (0..512 / HEADER).for_each(|_| push(0).unwrap());
    let whole = (512 - HEADER as usize) / size_of::<usize>();
    assert_eq!(push(whole), Err(PushError::Blocked));
    // Once before it enters, and then in each of its rounds.
    assert_eq!(ring.dropped().evicted, 1 + ROUNDS as usize);
}

#[test]
fn a_push_within_a_call_is_refused_and_counted() {
    let ring = FrameRing::<Porous, u32, Bytes<128>>::new(0);
    let nested = ring.with(|_| ring.reserve(1, |stamps, _| *stamps += 1).1.err());
    assert_eq!(nested, Some(Some(PushError::Reentered)));
    assert_eq!(ring.dropped().reentered, 1);
    // It has no number, unlike one that finds no room.
    let (_, reservation) = ring.reserve(1, |_, _| ());
    drop(reservation);
    assert!(ring.reserve(100, |_, _| ()).1.is_err());
    assert_eq!(
        ring.with_count(|stamps, count| (*stamps, count)),
        Some((0, 2))
    );
}

#[test]
fn a_slice_of_words_has_the_size_of_a_ring() {
    let mut words = [Word::uninit(); 256 / size_of::<usize>()];
    for (bytes, valid) in [
        (0, false),
        (64, false),
        (128, true),
        (192, false),
        (256, true),
    ] {
        let words = &mut words[..bytes / size_of::<usize>()];
        assert_eq!(SliceStorage::new(words).is_some(), valid, "{bytes} bytes");
    }
}

#[test]
fn both_ends_print_how_full_the_ring_is() {
    let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
    let (mut producer, consumer) = ring.split();
    producer.push(0, &[]).unwrap();
    for text in [std::format!("{producer:?}"), std::format!("{consumer:?}")] {
        assert!(text.contains("backlog: 8, capacity: 128"), "{text}");
    }
    let ring = Test::<DropNewest>::new(0);
    let (_, reservation) = ring.reserve(1, |_, _| ());
    let text = std::format!("{:?}", reservation.unwrap());
    assert!(text.contains("sequence: 0"), "{text}");
}

/// A push that stops for good between its reservation and its commit.
fn stop_open<X: RawMutex, P: Policy>(ring: &FrameRing<X, u32, Bytes<256>, P>) {
    core::mem::forget(ring.reserve(BODY, |_, _| ()));
}

/// A push that stops for good within the mutex, its frame open.
fn stop_inside<X: RawMutex, P: Policy>(ring: &FrameRing<X, u32, Bytes<256>, P>) {
    let stop = |_: &mut u32, _| std::panic::resume_unwind(std::boxed::Box::new(()));
    let push = std::panic::AssertUnwindSafe(|| drop(ring.reserve(BODY, stop)));
    assert!(std::panic::catch_unwind(push).is_err());
}

fn abandoned_frames_are_skipped_and_counted<P: Policy>() {
    let ring = Test::<P>::new(0);
    let mut consumer = ring.consumer().unwrap();
    // Some rounds, so that the walk crosses the end of the memory and its pad.
    for round in 0..if cfg!(miri) { 5 } else { 10 } {
        push(&ring, 1).unwrap();
        stop_open(&ring);
        push(&ring, 3).unwrap();
        stop_open(&ring);
        assert_eq!(values(&mut consumer), [1], "it stops before an open frame");
        // SAFETY: both reservations were forgotten.
        let abandoned = unsafe { ring.abandon_open(&mut consumer) };
        assert_eq!(abandoned, 2);
        assert_eq!(ring.dropped().evicted, 2 * (round + 1));
        assert_eq!(values(&mut consumer), [3]);
        consumer.release();
        // SAFETY: none is open.
        assert_eq!(unsafe { ring.abandon_open(&mut consumer) }, 0);
    }
}

#[test]
fn abandoned_frames_are_skipped_and_counted_by_both_policies() {
    abandoned_frames_are_skipped_and_counted::<DropNewest>();
    abandoned_frames_are_skipped_and_counted::<OverwriteOldest>();
}

#[test]
fn frames_are_abandoned_by_the_consumer_of_the_same_ring_alone() {
    let (ring, other) = (Test::<DropNewest>::new(0), Test::<DropNewest>::new(0));
    stop_open(&ring);
    let mut consumer = other.consumer().unwrap();
    // SAFETY: the reservation was forgotten.
    assert_eq!(unsafe { ring.abandon_open(&mut consumer) }, 0);
}

fn a_stolen_ring_goes_on<P: Policy>() {
    let ring = FrameRing::<Porous, u32, Bytes<256>, P>::new(0);
    let commit = |value| {
        let (_, reservation) = ring.reserve(BODY, |_, _| ());
        reservation.map(|reservation| reservation.commit(&[Word::new(value); BODY]))
    };
    let mut first = ring.consumer().unwrap();
    commit(1).unwrap();
    commit(2).unwrap();
    assert!(
        first.peek().is_some(),
        "which pins it, if the ring overwrites"
    );
    stop_inside(&ring);
    assert!(commit(3).is_err(), "no call is let in any more");
    core::mem::forget(first);

    // SAFETY: the first consumer and the push that stopped are gone.
    let mut second = unsafe { ring.steal_consumer() };
    commit(4).unwrap();
    assert_eq!(values(&mut second), [1, 2, 4]);
    assert_eq!(ring.dropped().evicted, 1);
    assert!(ring.consumer().is_none(), "the stolen one counts");
    second.release();
    for value in 5..if cfg!(miri) { 20 } else { 50 } {
        commit(value).unwrap();
        assert_eq!(values(&mut second), [value], "nothing is pinned or open");
        second.release();
    }
    drop(second);
    assert!(ring.consumer().is_some());
}

#[test]
fn a_stolen_ring_that_overwrites_has_nothing_pinned() {
    let ring = FrameRing::<Porous, u32, Bytes<256>, OverwriteOldest>::new(0);
    let push = |value| {
        let (_, reservation) = ring.reserve(BODY, |_, _| ());
        reservation.map(|reservation| reservation.commit(&[Word::new(value); BODY]))
    };
    let mut first = ring.consumer().unwrap();
    push(1).unwrap();
    assert!(first.peek().is_some());
    core::mem::forget(first);
    // SAFETY: the first consumer is gone.
    let mut second = unsafe { ring.steal_consumer() };
    for value in 2..20 {
        push(value).unwrap();
    }
    assert_eq!(values(&mut second).last(), Some(&19));
}

#[test]
fn a_stolen_ring_goes_on_by_both_policies() {
    a_stolen_ring_goes_on::<DropNewest>();
    a_stolen_ring_goes_on::<OverwriteOldest>();
}

/// A ring as a reset leaves it: whole frames of these values, and an open one for each `None`.
fn left_behind(values: &[Option<usize>]) -> std::boxed::Box<Test<DropNewest>> {
    let ring = std::boxed::Box::new(Test::<DropNewest>::new(0));
    // SAFETY: nothing else refers to the storage, whose bytes are given a value, as those of a chip have.
    unsafe {
        (&raw const ring.storage)
            .cast_mut()
            .cast::<u8>()
            .write_bytes(0, 256)
    };
    for value in values {
        match value {
            Some(value) => push(&ring, *value).unwrap_or_default(),
            None => stop_open(&ring),
        }
    }
    ring
}

/// Resumes a ring, of which odd values are kept.
fn resume(ring: &mut Test<DropNewest>) -> Kept {
    let mut judge = |words: &mut [Word]| {
        // SAFETY: the words are initialised.
        match unsafe { words[0].assume_init() } {
            odd if odd % 2 == 1 => Verdict::Keep,
            1_000 => Verdict::Violation,
            _ => Verdict::Skip,
        }
    };
    // SAFETY: the ring is borrowed mutably, and all words of its storage have a value.
    unsafe { FrameRing::resume(ring, Some(&mut judge), |_| 0) }
}

#[test]
fn a_resumed_ring_has_what_was_whole_and_wanted() {
    let mut ring = left_behind(&[Some(1), None, Some(2), Some(3), None]);
    let kept = resume(&mut ring);
    assert_eq!((kept.frames, kept.torn, kept.outdated), (2, 2, 1));
    assert_eq!((kept.gaps, kept.discarded, kept.next), (0, 0, 5));
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(values(&mut consumer), [1, 3]);
    consumer.release();
    push(&ring, 7).unwrap();
    assert_eq!(consumer.peek().unwrap().sequence, 5);
}

#[test]
fn a_resumed_ring_ends_at_the_first_violation() {
    let mut ring = left_behind(&[Some(1), Some(1_000), Some(3)]);
    let kept = resume(&mut ring);
    assert_eq!((kept.frames, kept.discarded, kept.next), (1, 96, 1));
    assert_eq!(values(&mut ring.consumer().unwrap()), [1]);
}

#[test]
fn torn_frames_do_not_fill_a_ring_that_is_resumed_and_never_read() {
    let mut ring = left_behind(&[]);
    for _ in 0..20 {
        stop_open(&ring);
        assert_eq!(resume(&mut ring).torn, 1);
    }
    assert_eq!(push(&ring, 1), Ok(()));
}

#[test]
fn a_ring_may_be_resumed_again_and_again() {
    let mut ring = left_behind(&[Some(1), None, Some(3)]);
    for round in 0..3 {
        let kept = resume(&mut ring);
        assert_eq!((kept.frames, kept.torn), (2, u32::from(round == 0)));
        assert_eq!(
            kept.gaps,
            u32::from(round != 0),
            "what was torn is missing now"
        );
    }
    assert_eq!(values(&mut ring.consumer().unwrap()), [1, 3]);
}

#[test]
fn a_ring_between_positions_that_cannot_be_has_nothing() {
    // 256 bytes: more than there are, behind the head, within a word.
    for moved in [256 + 48, 0_u32.wrapping_sub(48), 4] {
        let mut ring = left_behind(&[Some(1), Some(3)]);
        let tail = ring.positions.tail.load(Ordering::Relaxed);
        ring.positions
            .head
            .store(tail.wrapping_add(moved), Ordering::Relaxed);
        let kept = resume(&mut ring);
        assert_eq!((kept.frames, kept.discarded), (0, 256), "{moved}");
        push(&ring, 5).unwrap();
        assert_eq!(values(&mut ring.consumer().unwrap()), [5]);
    }
}

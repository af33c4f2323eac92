//! A shard: the generator, slots, ring and counters by which a thread starts and ends spans.

use std::sync::Arc;

use picojaeger_core::Seed;
use picojaeger_core::adapter::IdGenerator;

use crate::memory::ring_ends::HeldRing;
use crate::memory::rings::Rings;
use crate::memory::span_cache::SpanCache;
use crate::memory::span_slot::Image;
use crate::state::TracerState;
use crate::state::seeds::drawn;
use crate::stats::ThreadCounters;
use crate::worker::parking::Urgency;

/// Result of a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pushed {
    /// The image is in the ring, or counted as lost.
    Done { urgency: Urgency },
    /// The image has to go to the shared ring, under this number.
    NeedsShared { number: u32 },
}

/// A thread's share of a tracer's state; threads without one use the fallback shard.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) generator: IdGenerator,
    pub(crate) cache: SpanCache<TracerState>,
    pub(crate) counters: Arc<ThreadCounters>,
    pub(crate) ring: Option<HeldRing>,
    /// Whether this is the fallback shard, which has no ring.
    is_fallback: bool,
}

/// A thread without a ring asks for one at each span whose number is a multiple of this.
const ASK_AGAIN: u32 = 64;

impl Shard {
    /// Makes the shard of a thread, with a ring if there is one.
    pub(crate) fn new(ring: Option<HeldRing>, seed: Seed) -> Self {
        Shard {
            generator: IdGenerator::new(seed),
            cache: SpanCache::new(),
            counters: Arc::default(),
            ring,
            is_fallback: false,
        }
    }

    /// Makes the shard of threads that have none.
    pub(crate) fn fallback() -> Self {
        Shard {
            is_fallback: true,
            ..Shard::new(None, drawn())
        }
    }

    /// Pushes a finished image and counts it, if that takes no read of the worker's position;
    /// `false` does not mean that the ring is full.
    #[inline(always)]
    pub(crate) fn push_fast(&mut self, image: &Image) -> bool {
        let number = self.counters.finished.get() as u32;
        let ring = self.ring.as_mut();
        let pushed = ring.is_some_and(|ring| ring.producer.push_fast(number, &image.image()));
        if pushed {
            self.counters.finished.increment();
        }
        pushed
    }

    /// Counts a finished image, and pushes it to the shard's own ring, which is exchanged for
    /// another as it fills. An image of more than a quarter of the largest ring, and one of a
    /// thread without a ring, is left to the caller.
    pub(crate) fn push(&mut self, image: &Image, rings: &Rings) -> Pushed {
        let number = self.counters.finished.get() as u32;
        self.counters.finished.increment();
        if self.ring.is_none() && !self.is_fallback && number.is_multiple_of(ASK_AGAIN) {
            self.ring = rings.hand_out();
        }
        let bytes = image.image_words() * size_of::<usize>();
        let ring = self.ring.as_mut();
        let Some(ring) = ring.and_then(|ring| with_room(ring, bytes, rings)) else {
            return Pushed::NeedsShared { number };
        };
        if ring.producer.push(number, &image.image()).is_ok() {
            let urgency = after_push(ring, rings);
            return Pushed::Done { urgency };
        }
        let pushed =
            rings.exchange(ring, bytes) && ring.producer.push(number, &image.image()).is_ok();
        if !pushed {
            self.counters.full.increment();
        }
        Pushed::Done {
            urgency: Urgency::Full,
        }
    }
}

/// Exchanges the ring for a larger one if it is half full.
fn after_push(ring: &mut HeldRing, rings: &Rings) -> Urgency {
    if ring.producer.backlog() < ring.producer.capacity() / 2 {
        return Urgency::Low;
    }
    match ring.producer.capacity() == rings.largest() || rings.grow(ring) {
        true => Urgency::Half,
        // Memory runs out.
        false => Urgency::Full,
    }
}

/// Returns the ring, exchanged for a larger one if a record of `bytes` takes more than a quarter
/// of it; `None` if there is none so large. An empty ring makes room for those of other threads
/// first, if they need it.
fn with_room<'r>(ring: &'r mut HeldRing, bytes: usize, rings: &Rings) -> Option<&'r mut HeldRing> {
    if ring.producer.backlog() == 0 {
        rings.shrink(ring);
    }
    while bytes > ring.producer.capacity() / 4 {
        if !rings.grow(ring) {
            return None;
        }
    }
    Some(ring)
}

#[cfg(test)]
mod tests {
    use picojaeger_core::adapter::record::Open;
    use picojaeger_core::ring::Word;
    use picojaeger_core::{Flags, Key, SpanContext, SpanId, TraceId, Value};

    use super::*;
    use crate::memory::ring_ends::RingReader;
    use crate::sys::clock::TickSource;

    /// A tracer's threads, and the exporter's side of their rings.
    struct Threads {
        state: Arc<TracerState>,
        shards: Vec<Shard>,
        readers: Vec<RingReader>,
    }

    impl Threads {
        fn new(memory_limit: usize, threads: usize) -> Self {
            let state = TracerState::of_test(TickSource::System, |config| {
                config.memory_limit(memory_limit)
            });
            let shards = (0..threads)
                .map(|_| Shard::new(state.common.rings.hand_out(), drawn()))
                .collect();
            Threads {
                state,
                shards,
                readers: Vec::new(),
            }
        }

        /// Finishes so many spans on each thread, `run` on one thread before the next one's turn;
        /// returns how many were lost so far. After each turn, the exporter reads up to `read`
        /// records of a ring.
        fn burst(&mut self, spans: usize, run: usize, read: usize, image: &Image) -> usize {
            let rings = &self.state.common.rings;
            for turn in 0..spans.div_ceil(run) {
                for shard in &mut self.shards {
                    for _ in 0..run.min(spans - turn * run) {
                        if let Pushed::NeedsShared { number } = shard.push(image, rings)
                            && !self.state.shared_ring().push(number, image, rings)
                        {
                            shard.counters.full.increment();
                        }
                    }
                    if read > 0 {
                        Self::read(&mut self.readers, rings, read);
                    }
                }
            }
            let full = |shard: &Shard| shard.counters.full.get() as usize;
            self.shards.iter().map(full).sum()
        }

        /// Goes on with a pass of the exporter, which takes new rings at its beginning only.
        fn read(readers: &mut Vec<RingReader>, rings: &Rings, most: usize) {
            let passed = readers.iter().all(|reader| reader.end.has_passed_mark());
            if passed {
                rings.begin_pass();
                rings.take_readers(readers);
                readers.iter_mut().for_each(|reader| reader.end.set_mark());
            }
            let behind = readers
                .iter_mut()
                .find(|reader| !reader.end.has_passed_mark());
            if let Some(reader) = behind {
                let consumer = reader.as_mut();
                for _ in 0..most {
                    consumer.peek();
                    consumer.advance();
                }
                consumer.release();
            }
            let over = readers.extract_if(.., |reader| reader.is_over());
            over.filter_map(RingReader::join)
                .for_each(|ends| rings.put(ends));
        }

        /// Empties all rings, as the exporter does; returns how many records there were.
        fn drain(&mut self) -> u64 {
            let rings = &self.state.common.rings;
            rings.begin_pass();
            rings.take_readers(&mut self.readers);
            let drained = self
                .readers
                .iter_mut()
                .map(|reader| reader.end.empty())
                .sum();
            let over = self.readers.extract_if(.., |reader| reader.is_over());
            over.filter_map(RingReader::join)
                .for_each(|ends| rings.put(ends));
            drained
        }
    }

    /// A finished span with two tags: 128 bytes of a ring.
    fn two_tags() -> Open<[Word; 8]> {
        let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
        let mut image = Open::new("op", context, SpanId::new(3), 0);
        image.tag(Key::Static("component"), Value::Str("in a burst"));
        image.tag(Key::Static("item.index"), Value::I64(7));
        image.finish(1);
        let bytes = 8 + (&image as &Image).image_words() * size_of::<Word>();
        assert_eq!(bytes, 128);
        image
    }

    /// The bursts of the README, section Limits, while nothing is sent at all.
    #[test]
    fn bursts_are_kept_whole() {
        let image = two_tags();
        for (mib, threads, spans) in [
            (16, 1, 50_000),
            (16, 8, 6_000),
            (16, 16, 1_000),
            (16, 64, 1_000),
            (64, 1, 200_000),
            (64, 200, 1_000),
        ] {
            let mut all = Threads::new(mib << 20, threads);
            for (run, read) in [(1, 0), (spans, 0), (1, 20), (100, 300)] {
                let lost = all.burst(spans, run, read, &image);
                assert_eq!(
                    lost, 0,
                    "{threads} x {spans} at {mib} MiB, {run} at once, {read} read"
                );
                all.drain();
            }
        }
    }

    /// A queue of n spans of the other clients, while nothing is sent at all.
    #[test]
    fn a_queue_size_keeps_a_burst_whole_on_whatever_threads() {
        let mut image: Open<[Word; 56]> =
            Open::new("op", two_tags().record().context(), SpanId::default(), 0);
        image.tag(Key::Static("text"), Value::Str(&"x".repeat(424)));
        image.finish(1);
        let bytes = (&image as &Image).image_words() * size_of::<Word>();
        assert_eq!(bytes, 504, "a frame of 512 bytes");
        for size in [1, 100, 1_000, 10_000] {
            let variable = ("JAEGER_REPORTER_MAX_QUEUE_SIZE", size.to_string());
            let config = crate::Config::new("s").sampler(crate::config::Sampler::Const(true));
            let config = config.with_variables([variable]).unwrap();
            let limit = config.resolve().unwrap().reporter.memory_limit;
            for threads in [1, 7, 40, 300, 1_000] {
                let mut all = Threads::new(limit, threads);
                // Uneven shares, and rings that grew before.
                all.burst(20, 1, 10, &image);
                all.drain();
                let lost_before = all.burst(0, 1, 0, &image);
                let (each, rest) = (size / threads, size % threads);
                let mut others = all.shards.split_off(rest);
                all.burst(each + 1, 1, 0, &image);
                std::mem::swap(&mut all.shards, &mut others);
                all.burst(each, 1, 0, &image);
                all.shards.append(&mut others);
                let lost = all.burst(0, 1, 0, &image) - lost_before;
                assert_eq!(
                    lost, 0,
                    "{size} spans on {threads} threads in {limit} bytes"
                );
                assert_eq!(all.drain(), size as u64);
            }
        }
    }

    /// At 100,000 spans a second, with a worker that takes a millisecond to wake up.
    #[test]
    fn a_steady_thread_exchanges_no_ring_after_its_first_second() {
        const SECOND: usize = 100_000;
        const WAKING: usize = SECOND / 1_000;
        let state = TracerState::of_test(TickSource::System, |config| {
            config.flush_interval(std::time::Duration::from_secs(3_600))
        });
        let common = &state.common;
        let mut shard = Shard::new(common.rings.hand_out(), drawn());
        let image = two_tags();
        let mut wakes_in = None;
        let exchanges = [(); 3].map(|()| {
            let mut exchanges = 0;
            for _ in 0..SECOND {
                let before = shard.ring.as_ref().map(HeldRing::id);
                // As `spans::fast_path` does.
                if !shard.push_fast(&image)
                    && let Pushed::Done { urgency } = shard.push(&image, &common.rings)
                    && urgency >= Urgency::Half
                {
                    wakes_in = wakes_in.or(Some(WAKING));
                }
                exchanges += usize::from(shard.ring.as_ref().map(HeldRing::id) != before);
                wakes_in = wakes_in.map(|spans| spans - 1);
                if wakes_in == Some(0) {
                    wakes_in = None;
                    state.exporter().pass(common, false);
                }
            }
            exchanges
        });
        assert_eq!(exchanges, [3, 0, 0], "it grew from 8 to 64 KiB");
        assert_eq!(shard.counters.full.get(), 0);
    }

    /// Threads grow their rings until no more is allowed; then one that is idle gives some back.
    #[test]
    fn no_record_is_lost_as_rings_grow_and_shrink() {
        let image = two_tags();
        let mut all = Threads::new(16 << 20, 40);
        let held = |all: &Threads| -> usize {
            let rings = all.shards.iter().map(|shard| shard.ring.as_ref().unwrap());
            rings.map(|ring| ring.producer.capacity()).sum()
        };
        let first = held(&all);
        for _ in 0..3 {
            assert_eq!(all.burst(600, 600, 0, &image), 0);
            assert_eq!(all.drain(), 40 * 600);
            assert_eq!(held(&all) - first, 2 << 20);
            assert_eq!(all.burst(1, 1, 0, &image), 0);
            assert_eq!(all.drain(), 40);
            assert!(held(&all) - first < 2 << 20);
        }
    }

    /// Where a worker waits for full batches, a half-full ring alone does not wake it.
    #[test]
    fn a_half_full_ring_is_most_urgent_once_rings_may_not_grow() {
        let image = two_tags();
        let mut all = Threads::new(16 << 20, 40);
        let rings = &all.state.common.rings;
        let most = |shard: &mut Shard, spans: usize| {
            let pushed = (0..spans).map(|_| match shard.push(&image, rings) {
                Pushed::Done { urgency } => urgency,
                Pushed::NeedsShared { .. } => panic!("it has a ring"),
            });
            pushed.max()
        };
        let first = &mut all.shards[0];
        assert_eq!(most(first, 31), Some(Urgency::Low));
        assert_eq!(most(first, 500), Some(Urgency::Half));
        assert_eq!(most(first, 300), Some(Urgency::Full), "it was full");
        let others = all.shards[1..].iter_mut();
        let urgencies: Vec<_> = others.map(|shard| most(shard, 500)).collect();
        assert_eq!(urgencies.first(), Some(&Some(Urgency::Half)));
        assert_eq!(urgencies.last(), Some(&Some(Urgency::Full)));
    }
}

//! The generator of ids.

use rand_core::TryRng;

use crate::id::{SpanId, TraceId};

/// 96 random bits that start a [`IdGenerator`].
///
/// Take them once, from the operating system, a hardware generator, or the
/// device's id mixed with a boot counter. Two tracers with one seed make the
/// same ids.
///
/// ```
/// use picojaeger_core::Seed;
///
/// let mut counter = 0;
/// let seed = Seed::from_fn(|| { counter += 1; counter });
/// assert_eq!(seed, Seed::from_words([1, 0, 2]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed([u32; 3]);

/// Draws trace and span ids. One seed makes different ids on chips and on servers.
///
/// On chips it is sfc32, a chaotic generator of four words that needs additions,
/// shifts and no multiplication. On a 64-bit system it is a counter that steps by an
/// odd constant, multiplied by itself under a key, of which both halves of the
/// product make the id (as in wyrand, with a key of each generator's own): one
/// step, and one word that changes.
///
/// Not for secrets: on a chip an id shows a word of the state. An id costs about 20
/// instructions on chips, 10 on servers.
///
/// ```
/// use picojaeger_core::{IdGenerator, Seed};
///
/// let (mut one, mut other) = (IdGenerator::new(Seed::from_words([1, 2, 3])), IdGenerator::new(Seed::from_words([1, 2, 4])));
/// assert_ne!(one.span_id(), other.span_id());
/// ```
#[derive(Clone, Debug)]
pub struct IdGenerator(State);

#[cfg(target_pointer_width = "64")]
use keyed::State;
#[cfg(not(target_pointer_width = "64"))]
use sfc32::State;

impl Seed {
    /// A seed of these words, all 96 bits of which should be random.
    pub const fn from_words(words: [u32; 3]) -> Self {
        Seed(words)
    }

    /// A seed from a closure that gives 64 random bits at a time, for generators
    /// of any `rand_core` version.
    pub fn from_fn(mut random: impl FnMut() -> u64) -> Self {
        let (first, second) = (random(), random());
        Seed([first as u32, (first >> 32) as u32, second as u32])
    }

    /// A seed from a random generator.
    ///
    /// # Errors
    /// The generator's own.
    pub fn from_rng<R: TryRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
        Ok(Seed([
            rng.try_next_u32()?,
            rng.try_next_u32()?,
            rng.try_next_u32()?,
        ]))
    }
}

impl IdGenerator {
    /// The generator that this seed starts.
    pub const fn new(seed: Seed) -> Self {
        IdGenerator(State::new(seed.0))
    }

    /// A span id, never zero.
    #[inline(always)]
    pub const fn span_id(&mut self) -> SpanId {
        self.0.id()
    }

    /// The ids of a root span: its own id is the lower half of the trace id, whose
    /// upper half is zero unless `wide`.
    #[inline(always)]
    pub const fn root(&mut self, wide: bool) -> (TraceId, SpanId) {
        let span = self.span_id();
        let high = if wide { self.span_id() } else { SpanId::new(0) };
        (TraceId::of_root(span, high), span)
    }
}

/// For chips.
#[cfg(any(test, not(target_pointer_width = "64")))]
mod sfc32 {
    use crate::id::{SpanId, join};

    #[derive(Clone, Debug)]
    pub(super) struct State {
        pub(super) a: u32,
        pub(super) b: u32,
        pub(super) c: u32,
        pub(super) counter: u32,
    }

    impl State {
        pub(super) const fn new([a, b, c]: [u32; 3]) -> Self {
            let mut state = State {
                a,
                b,
                c,
                counter: 1,
            };
            // So that seeds which differ in one bit soon differ in half of them.
            let mut round = 0;
            while round < 12 {
                state.word();
                round += 1;
            }
            state
        }

        #[inline(always)]
        pub(super) const fn id(&mut self) -> SpanId {
            // One step makes both halves: its output, and the word that it leaves behind.
            let high = self.word();
            let low = self.c;
            SpanId::new(join([low | (low | high == 0) as u32, high]))
        }

        #[inline(always)]
        const fn word(&mut self) -> u32 {
            let word = self.a.wrapping_add(self.b).wrapping_add(self.counter);
            self.counter = self.counter.wrapping_add(1);
            self.a = self.b ^ self.b >> 9;
            self.b = self.c.wrapping_add(self.c << 3);
            self.c = self.c.rotate_left(21).wrapping_add(word);
            word
        }
    }
}

/// For 64-bit systems.
#[cfg(any(test, target_pointer_width = "64"))]
mod keyed {
    use crate::id::SpanId;

    #[derive(Clone, Debug)]
    pub(super) struct State {
        pub(super) counter: u64,
        pub(super) key: u64,
    }

    /// Odd, so that the counter takes all values.
    pub(super) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    impl State {
        pub(super) const fn new([a, b, c]: [u32; 3]) -> Self {
            let counter = scatter(a as u64 | (b as u64) << 32);
            State {
                counter,
                key: scatter(counter.wrapping_add(c as u64).wrapping_add(STEP)),
            }
        }

        #[inline(always)]
        pub(super) const fn id(&mut self) -> SpanId {
            self.counter = self.counter.wrapping_add(STEP);
            let product = self.counter as u128 * (self.counter ^ self.key) as u128;
            let id = (product >> 64) as u64 ^ product as u64;
            SpanId::new(id + (id == 0) as u64)
        }
    }

    /// The finalizer of splitmix64: a one-to-one map whose bits all depend on all.
    const fn scatter(mut word: u64) -> u64 {
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_not_zero_and_differ() {
        let mut generator = IdGenerator::new(Seed::from_words([0; 3]));
        let ids: HashSet<_> = (0..10_000).map(|_| generator.span_id().get()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(!ids.contains(&0));
    }

    #[test]
    fn a_zero_id_is_replaced() {
        // A state whose words are zero until the counter has moved.
        let [a, b, c, counter] = [0; 4];
        let mut chip = sfc32::State { a, b, c, counter };
        assert_eq!(chip.id(), SpanId::new(1));
        // Zero times anything.
        let key = 0;
        let mut server = keyed::State { counter: 0, key };
        server.counter = server.counter.wrapping_sub(keyed::STEP);
        assert_eq!(server.id(), SpanId::new(1));
    }

    #[test]
    fn each_bit_of_a_servers_ids_is_set_in_half_of_them() {
        const IDS: usize = 100_000;
        let mut state = keyed::State::new([0; 3]);
        let mut set = [0; 64];
        for _ in 0..IDS {
            let id = state.id().get();
            let bits = set.iter_mut().enumerate();
            bits.for_each(|(bit, count)| *count += (id >> bit & 1) as usize);
        }
        // Six standard deviations of a fair coin.
        let fair = IDS / 2 - 950..IDS / 2 + 950;
        assert!(set.iter().all(|count| fair.contains(count)), "{set:?}");
    }

    #[test]
    fn generators_that_share_a_counter_go_separate_ways() {
        let mut ids = HashSet::new();
        for key in 0..100 {
            let mut state = keyed::State::new([7, 7, key]);
            state.counter = 42;
            ids.extend((0..1_000).map(|_| state.id().get()));
        }
        assert_eq!(ids.len(), 100_000);
    }

    #[test]
    fn seeds_that_differ_in_one_bit_differ_in_about_half_of_the_ids_bits() {
        for bit in 0..96 {
            let mut words = [0x1234_5678, 0x9abc_def0, 0x0f1e_2d3c];
            let first = first_ids(words);
            words[bit / 32] ^= 1 << (bit % 32);
            for (first, second) in first.iter().zip(first_ids(words)) {
                let differing = (first ^ second).count_ones();
                assert!((12..=52).contains(&differing), "bit {bit}: {differing}");
            }
        }
    }

    /// Of chips and of servers.
    fn first_ids(seed: [u32; 3]) -> [u64; 2] {
        let ids = [sfc32::State::new(seed).id(), keyed::State::new(seed).id()];
        ids.map(SpanId::get)
    }

    #[test]
    fn a_root_shares_the_lower_half_of_its_trace() {
        let mut generator = IdGenerator::new(Seed::from_words([1, 2, 3]));
        let (trace, span) = generator.root(true);
        assert_eq!(trace.low(), span.get());
        assert_ne!(trace.high(), 0);
        assert_eq!(generator.root(false).0.high(), 0);
    }
}

//! The generator of ids.

use rand_core::TryRng;

use crate::id::{SpanId, TraceId};

/// 96 random bits that start a [`Generator`].
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

/// Draws trace and span ids: sfc, a chaotic generator of four words that needs
/// additions, shifts and no multiplication; sfc64 on a 64-bit system, sfc32
/// elsewhere. One seed makes different ids on the two.
///
/// Not for secrets: on a chip an id shows a word of the state. An id costs about
/// 20 instructions.
///
/// ```
/// use picojaeger_core::{Generator, Seed};
///
/// let (mut one, mut other) = (Generator::new(Seed::from_words([1, 2, 3])), Generator::new(Seed::from_words([1, 2, 4])));
/// assert_ne!(one.span_id(), other.span_id());
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    a: State,
    b: State,
    c: State,
    counter: State,
}

#[cfg(target_pointer_width = "64")]
type State = u64;
#[cfg(not(target_pointer_width = "64"))]
type State = u32;

/// The shifts and the rotation of sfc.
#[cfg(target_pointer_width = "64")]
const SHIFTS: (u32, u32, u32) = (11, 3, 24);
#[cfg(not(target_pointer_width = "64"))]
const SHIFTS: (u32, u32, u32) = (9, 3, 21);

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

impl Generator {
    /// The generator that this seed starts.
    pub const fn new(seed: Seed) -> Self {
        let [a, b, c] = seed.0;
        let mut generator = Generator {
            a: a as State,
            b: b as State,
            c: c as State,
            counter: 1,
        };
        // So that seeds which differ in one bit soon differ in half of them.
        let mut round = 0;
        while round < 12 {
            generator.word();
            round += 1;
        }
        generator
    }

    /// A span id, never zero.
    #[inline(always)]
    pub const fn span_id(&mut self) -> SpanId {
        #[cfg(target_pointer_width = "64")]
        let id = crate::id::halves(self.word());
        // One step makes both halves: its output, and the word that it leaves behind.
        #[cfg(not(target_pointer_width = "64"))]
        let id = {
            let high = self.word();
            [self.c, high]
        };
        let [low, high] = id;
        SpanId([low | (low | high == 0) as u32, high])
    }

    /// The ids of a root span: its own id is the lower half of the trace id, whose
    /// upper half is zero unless `wide`.
    #[inline(always)]
    pub const fn root(&mut self, wide: bool) -> (TraceId, SpanId) {
        let span = self.span_id();
        let high = if wide { self.span_id() } else { SpanId([0; 2]) };
        (TraceId([span.0[0], span.0[1], high.0[0], high.0[1]]), span)
    }

    #[inline(always)]
    const fn word(&mut self) -> State {
        let word = self.a.wrapping_add(self.b).wrapping_add(self.counter);
        self.counter = self.counter.wrapping_add(1);
        self.a = self.b ^ self.b >> SHIFTS.0;
        self.b = self.c.wrapping_add(self.c << SHIFTS.1);
        self.c = self.c.rotate_left(SHIFTS.2).wrapping_add(word);
        word
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_not_zero_and_differ() {
        let mut generator = Generator::new(Seed::from_words([0; 3]));
        let ids: HashSet<_> = (0..10_000).map(|_| generator.span_id().get()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(!ids.contains(&0));
    }

    #[test]
    fn a_zero_id_is_replaced() {
        // A state whose words are zero until the counter has moved.
        let mut generator = Generator {
            a: 0,
            b: 0,
            c: 0,
            counter: 0,
        };
        assert_eq!(generator.clone().word(), 0);
        assert_ne!(generator.span_id().get(), 0);
    }

    #[test]
    fn seeds_that_differ_in_one_bit_differ_in_about_half_of_the_ids_bits() {
        for bit in 0..96 {
            let mut words = [0x1234_5678, 0x9abc_def0, 0x0f1e_2d3c];
            let first = Generator::new(Seed(words)).span_id().get();
            words[bit / 32] ^= 1 << (bit % 32);
            let second = Generator::new(Seed(words)).span_id().get();
            let differing = (first ^ second).count_ones();
            assert!((12..=52).contains(&differing), "bit {bit}: {differing}");
        }
    }

    #[test]
    fn a_root_shares_the_lower_half_of_its_trace() {
        let mut generator = Generator::new(Seed::from_words([1, 2, 3]));
        let (trace, span) = generator.root(true);
        assert_eq!(trace.low(), span.get());
        assert_ne!(trace.high(), 0);
        assert_eq!(generator.root(false).0.high(), 0);
    }
}

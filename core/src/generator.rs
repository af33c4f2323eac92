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

/// Draws trace and span ids: sfc32, a chaotic generator with 128 bits of state
/// that needs additions, shifts and no multiplication.
///
/// Not for secrets. An id costs about 20 instructions on a Cortex-M0.
///
/// ```
/// use picojaeger_core::{Generator, Seed};
///
/// let (mut one, mut other) = (Generator::new(Seed::from_words([1, 2, 3])), Generator::new(Seed::from_words([1, 2, 4])));
/// assert_ne!(one.span_id(), other.span_id());
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    a: u32,
    b: u32,
    c: u32,
    counter: u32,
}

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
            a,
            b,
            c,
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
        let (low, high) = (self.word(), self.word());
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
    const fn word(&mut self) -> u32 {
        let word = self.a.wrapping_add(self.b).wrapping_add(self.counter);
        self.counter = self.counter.wrapping_add(1);
        self.a = self.b ^ self.b >> 9;
        self.b = self.c.wrapping_add(self.c << 3);
        self.c = self.c.rotate_left(21).wrapping_add(word);
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
        // The state that yields two zero words.
        let mut generator = Generator {
            a: 0,
            b: 0,
            c: 0,
            counter: 0,
        };
        assert_eq!(generator.word(), 0);
        let mut generator = Generator {
            a: 0,
            b: u32::MAX,
            c: 0,
            counter: 1,
        };
        assert_eq!(generator.word(), 0);
        let mut generator = Generator {
            a: 0,
            b: 0,
            c: u32::MAX / 9,
            counter: 0,
        };
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

//! The generator of ids.

use rand_core::TryRng;

use crate::arch::GeneratorState;
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
/// use picojaeger_core::adapter::IdGenerator;
/// use picojaeger_core::Seed;
///
/// let (mut one, mut other) = (IdGenerator::new(Seed::from_words([1, 2, 3])), IdGenerator::new(Seed::from_words([1, 2, 4])));
/// assert_ne!(one.span_id(), other.span_id());
/// ```
#[derive(Clone, Debug)]
pub struct IdGenerator(GeneratorState);

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
        IdGenerator(GeneratorState::new(seed.0))
    }

    /// A span id, never zero.
    #[inline]
    pub const fn span_id(&mut self) -> SpanId {
        SpanId::new(self.0.draw())
    }

    /// The ids of a root span: its own id is the lower half of the trace id, whose
    /// upper half is zero unless `wide`.
    #[inline]
    pub const fn root(&mut self, wide: bool) -> (TraceId, SpanId) {
        let span = self.span_id();
        let high = if wide { self.span_id() } else { SpanId::new(0) };
        (TraceId::of_root(span, high), span)
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
    fn a_root_shares_the_lower_half_of_its_trace() {
        let mut generator = IdGenerator::new(Seed::from_words([1, 2, 3]));
        let (trace, span) = generator.root(true);
        assert_eq!(trace.low(), span.get());
        assert_ne!(trace.high(), 0);
        assert_eq!(generator.root(false).0.high(), 0);
    }
}

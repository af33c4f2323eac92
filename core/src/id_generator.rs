//! The generator of ids.

use rand_core::TryRng;

use crate::arch::{GeneratorState, halves};
use crate::id::{SpanId, TraceId};

/// 96 random bits that start an [`IdGenerator`](crate::adapter::IdGenerator).
///
/// Take them once, from the operating system, a hardware generator, or the device's id mixed with a
/// boot counter. Two tracers with the same seed make the same ids.
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

/// Draws trace and span ids. The same seed makes different ids on chips and on servers.
///
/// On chips it is sfc32, a chaotic generator of four words that needs additions, shifts and no
/// multiplication. On a 64-bit target it is a counter with an odd step, multiplied by its xor with
/// a key; the xor of the product's halves is the id (as in wyrand, with a key for each generator).
/// One step changes one word.
///
/// Not for secrets: on a chip an id reveals a word of the state. An id costs about 20 instructions
/// on chips, 10 on servers.
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
    /// Makes a seed of three words; all 96 bits should be random.
    pub const fn from_words(words: [u32; 3]) -> Self {
        Seed(words)
    }

    /// Makes a seed from a closure that returns 64 random bits, for generators of any `rand_core`
    /// version.
    pub fn from_fn(mut random: impl FnMut() -> u64) -> Self {
        let ([first, second], third) = (halves(random()), random() as u32);
        Seed([first, second, third])
    }

    /// Makes a seed from a random number generator.
    ///
    /// # Errors
    /// The generator's own error.
    pub fn from_rng<R: TryRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
        Ok(Seed([
            rng.try_next_u32()?,
            rng.try_next_u32()?,
            rng.try_next_u32()?,
        ]))
    }
}

impl IdGenerator {
    /// Makes the generator that this seed starts.
    pub const fn new(seed: Seed) -> Self {
        IdGenerator(GeneratorState::new(seed.0))
    }

    /// Draws a span id, never zero.
    #[inline]
    pub const fn span_id(&mut self) -> SpanId {
        SpanId::new(self.0.draw())
    }

    /// Draws the ids of a root span: its own id is the lower half of the trace id, whose upper half
    /// is zero unless `wide`.
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

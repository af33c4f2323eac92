//! Seeds of the generators of ids.

use std::sync::atomic::{AtomicU64, Ordering};

use picojaeger_core::Seed;

/// Source of seeds: the system, or a number, from which follow the same seeds in the same order at each run.
#[derive(Debug)]
pub(crate) struct Seeds(Option<AtomicU64>);

/// The step of a Weyl sequence, which has all 64-bit numbers.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Seeds {
    pub(crate) fn new(first: Option<u64>) -> Self {
        Seeds(first.map(|first| AtomicU64::new(first.wrapping_mul(STEP))))
    }

    /// Returns the seed of the next shard.
    pub(crate) fn next(&self) -> Seed {
        match &self.0 {
            None => drawn(),
            Some(next) => {
                let mut state = next.fetch_add(STEP, Ordering::Relaxed);
                Seed::from_fn(|| {
                    state = mixed(state.wrapping_add(STEP));
                    state
                })
            }
        }
    }

    /// Returns the first number of a forked child, if there are numbers.
    pub(crate) fn of_child(&self) -> Option<u64> {
        let next = self.0.as_ref()?;
        Some(mixed(next.fetch_add(STEP, Ordering::Relaxed)))
    }
}

/// Spreads a number over all bits, as the finish of SplitMix64 does.
const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// Draws a seed from the operating system, or if that fails from the standard hasher's keys, which
/// stem from the system too.
pub(super) fn drawn() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed::from_fn(|| getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)))
}

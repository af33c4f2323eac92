//! Changes of a sampler's state that are calculated outside of its mutex.

use crate::raw_mutex::{Guarded, RawMutex};
use crate::sampler::SamplerError;

/// Applies `change` to a copy of the state, and replaces the state by it; again if the state was
/// not `unchanged` in between.
///
/// A change of a rate takes floating point, which is slow on chips without it; the mutex masks
/// interrupts there.
///
/// # Errors
/// Those of `change`, and [`SamplerError::Busy`] in a re-entrant call; the state is unchanged.
pub(super) fn update_outside<X: RawMutex, T: Copy>(
    state: &Guarded<X, T>,
    unchanged: fn(&T, &T) -> bool,
    change: impl Fn(&mut T) -> Result<(), SamplerError>,
) -> Result<(), SamplerError> {
    let mut old = state.with(|state| *state);
    while let Some(before) = old {
        let mut after = before;
        change(&mut after)?;
        match exchange(state, unchanged, &before, after) {
            Some(Ok(())) => return Ok(()),
            found => old = found.and_then(Result::err),
        }
    }
    Err(SamplerError::Busy)
}

/// Replaces `before` by `after`; returns the present state as an error if it has changed meanwhile,
/// and `None` in a re-entrant call.
fn exchange<X: RawMutex, T: Copy>(
    state: &Guarded<X, T>,
    unchanged: fn(&T, &T) -> bool,
    before: &T,
    after: T,
) -> Option<Result<(), T>> {
    state.with(|state| {
        if !unchanged(state, before) {
            return Err(*state);
        }
        *state = after;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::raw_mutex::Interrupts;
    use crate::sampler::RateLimiter;

    #[test]
    fn an_update_loses_no_spending_in_between() {
        let state = Guarded::<Interrupts, _>::new(RateLimiter::new(4.0, 1_000).unwrap());
        let spend = |calls: u32| {
            let allow = |limiter: &mut RateLimiter| limiter.allow(0);
            (0..calls)
                .map(|_| u32::from(state.with(allow).unwrap()))
                .sum::<u32>()
        };
        let rounds = Cell::new(0);
        let updated = update_outside(&state, RateLimiter::is_unchanged_since, |limiter| {
            if rounds.replace(rounds.get() + 1) == 0 {
                assert_eq!(spend(3), 3); // as an interrupt would
            }
            limiter.update(8.0, 0)
        });
        assert_eq!((updated, rounds.get()), (Ok(()), 2));
        assert_eq!(spend(9), 2, "one of four was left");
    }
}

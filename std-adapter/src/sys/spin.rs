//! A lock for sections of some nanoseconds, in which nothing waits and no foreign code runs.
//!
//! It takes one atomic exchange where a mutex takes two, since it has nobody to wake: a thread that finds it held looks
//! again, at first at once and at last after a pause, so that none keeps out a holder of a lower priority.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::sys::sync::{AtomicHeld, Ordering, pause};

/// A value that one thread at a time has.
#[derive(Default)]
pub(crate) struct Spin<T> {
    is_held: AtomicHeld,
    value: UnsafeCell<T>,
}

// SAFETY: the value is accessed through a guard only, of which there is one at a time, so it goes from thread to thread.
unsafe impl<T: Send> Sync for Spin<T> {}

/// The value of a [`Spin`], which is held until this is dropped.
pub(crate) struct SpinGuard<'s, T> {
    spin: &'s Spin<T>,
    _value: PhantomData<&'s mut T>,
}

impl<T> Spin<T> {
    /// Waits for the value. The thread that holds it already waits for good.
    #[inline(always)]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        if !self.try_hold() {
            self.wait();
        }
        SpinGuard {
            spin: self,
            _value: PhantomData,
        }
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        let mut waits = 0;
        // A look is cheaper for the holder than an exchange.
        while self.is_held.load(Ordering::Relaxed) || !self.try_hold() {
            pause(waits);
            waits += 1;
        }
    }

    #[inline(always)]
    fn try_hold(&self) -> bool {
        let (order, otherwise) = (Ordering::Acquire, Ordering::Relaxed);
        let held = self.is_held.compare_exchange(false, true, order, otherwise);
        held.is_ok()
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: there is no other guard, and this one is borrowed.
        unsafe { &*self.spin.value.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: there is no other guard, and this one is borrowed by nobody else.
        unsafe { &mut *self.spin.value.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.spin.is_held.store(false, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn miri_no_count_of_several_threads_is_lost() {
        const THREADS: usize = 3;
        let each = if cfg!(miri) { 5 } else { 10_000 };
        let counts = Spin::<(Box<usize>, usize)>::default();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..each {
                        let mut counts = counts.lock();
                        *counts.0 += 1;
                        counts.1 += 1;
                    }
                });
            }
        });
        let counts = counts.lock();
        assert_eq!((*counts.0, counts.1), (THREADS * each, THREADS * each));
    }

    /// The holder sleeps longer than the others look without a pause.
    #[test]
    fn a_thread_that_waits_for_long_pauses_and_goes_on() {
        let spin = Spin::<bool>::default();
        let mut held = spin.lock();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| *spin.lock());
            thread::sleep(std::time::Duration::from_millis(5));
            *held = true;
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}

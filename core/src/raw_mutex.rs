//! The mutex of a ring's producers, and the cell that it guards.

#[cfg(not(loom))]
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering, compiler_fence};

#[cfg(loom)]
use loom::cell::UnsafeCell;

/// A mutex that runs closures, one at a time for each instance.
///
/// [`Interrupts`] serves one core and its interrupts. Implement it for a kernel's spin lock, or for
/// several cores.
///
/// # Safety
///
/// Calls of `lock` on one instance must not overlap in time, except where one interrupts the other
/// and ends before the other goes on (a non-maskable interrupt). Writes in one call must be visible
/// in the next.
///
/// ```
/// use picojaeger_core::RawMutex;
/// use std::sync::Mutex;
///
/// /// For a hosted test: a mutex.
/// struct Locked(Mutex<()>);
///
/// // SAFETY: the mutex is held while `f` runs.
/// unsafe impl RawMutex for Locked {
///     const INIT: Self = Locked(Mutex::new(()));
///     fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
///         let _guard = self.0.lock().unwrap_or_else(|held| held.into_inner());
///         f()
///     }
/// }
/// assert_eq!(Locked::INIT.lock(|| 7), 7);
/// ```
///
/// On Cortex-M3 and later, by priorities, as RTIC locks its resources: interrupts above `PRIORITY`, as the
/// register has it, are never delayed. If they start spans after all, those that come within another
/// call are refused and counted.
///
/// ```
/// # mod basepri {
/// #     pub fn read() -> u8 { 0 }
/// #     pub unsafe fn write(_: u8) {}
/// # }
/// # mod basepri_max {
/// #     pub fn write(_: u8) {}
/// # }
/// # /*
/// use cortex_m::register::{basepri, basepri_max};
/// # */
/// use picojaeger_core::RawMutex;
/// use picojaeger_core::ring::Bytes;
///
/// struct UpTo<const PRIORITY: u8>;
///
/// // SAFETY: interrupts of these priorities wait, and others end before what they interrupt goes on.
/// unsafe impl<const PRIORITY: u8> RawMutex for UpTo<PRIORITY> {
///     const INIT: Self = UpTo;
///     #[inline(always)]
///     fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
///         let before = basepri::read();
///         basepri_max::write(PRIORITY); // never lowers it
///         let result = f();
///         unsafe { basepri::write(before) };
///         result
///     }
/// }
///
/// static RING: picojaeger_core::Ring<UpTo<0xc0>, Bytes<4096>> = picojaeger_core::Ring::new();
/// ```
pub unsafe trait RawMutex: Sync {
    /// The initial value; each ring owns an instance of its own.
    #[cfg(not(loom))]
    const INIT: Self;

    /// The initial value; each ring owns an instance of its own.
    #[cfg(loom)]
    fn new() -> Self;

    /// Runs `f` while no other call on this instance runs. Calls on one instance must not be
    /// nested.
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R;
}

/// A mutex that masks interrupts, by the `critical-section` implementation of the final program.
///
/// Costs 8 instructions on a single Cortex-M core. The implementation for `std` is one global lock,
/// for tests only.
///
/// ```
/// use picojaeger_core::{RawMutex, Interrupts};
///
/// assert_eq!(Interrupts.lock(|| 3), 3);
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it needs no state")]
pub struct Interrupts;

// SAFETY: `critical_section::with` has exactly this contract.
unsafe impl RawMutex for Interrupts {
    #[cfg(not(loom))]
    const INIT: Self = Interrupts;

    #[cfg(loom)]
    fn new() -> Self {
        Interrupts
    }

    #[inline(always)]
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        // Like `critical_section::with`, which the compiler does not always inline.
        // SAFETY: the guard releases the acquired section, once, and calls nest as scopes do.
        let _masked = Masked(unsafe { critical_section::acquire() });
        f()
    }
}

/// Ends the critical section on drop, after a panic too.
struct Masked(critical_section::RestoreState);

impl Drop for Masked {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: it holds the result of `acquire`, and is dropped once.
        unsafe { critical_section::release(self.0) }
    }
}

/// A value that is only accessed under a [`RawMutex`].
///
/// A re-entrant call (from a non-maskable interrupt, a fault handler, or an interrupt that the
/// mutex does not mask) is refused and counted, and does not touch the value.
///
/// ```
/// use picojaeger_core::adapter::Guarded;
/// use picojaeger_core::Interrupts;
///
/// static COUNT: Guarded<Interrupts, u32> = Guarded::new(0);
/// assert_eq!(COUNT.with(|count| { *count += 1; *count }), Some(1));
/// assert_eq!(COUNT.refused(), 0);
/// ```
// The fields that every call uses come first, so that their offsets fit a Cortex-M0 instruction.
#[repr(C)]
#[derive(Debug)]
pub struct Guarded<X, T> {
    mutex: X,
    entered: AtomicBool,
    refused: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only accessed in `with`, under the mutex and by one call at a time, so sharing
// the cell moves `T` between threads at most.
unsafe impl<X: RawMutex, T: Send> Sync for Guarded<X, T> {}

impl<X: RawMutex, T> Guarded<X, T> {
    /// Makes a cell that holds `value`.
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        Guarded::with_mutex(X::INIT, value)
    }

    /// Makes a cell that holds `value`.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Guarded::with_mutex(X::new(), value)
    }

    /// Runs `f` on the value; returns `None` in a re-entrant call on this cell.
    ///
    /// If `f` panics, the value may be half changed: later calls are refused.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.mutex.lock(|| {
            if self.entered.load(Ordering::Relaxed) {
                increment(&self.refused);
                return None;
            }
            self.entered.store(true, Ordering::Relaxed);
            // An interrupt that is not masked sees the flag before any change of the value.
            compiler_fence(Ordering::SeqCst);
            // SAFETY: the mutex keeps other threads out, and `entered` re-entrant calls.
            let result = unsafe { reach(&self.value, f) };
            compiler_fence(Ordering::SeqCst);
            self.entered.store(false, Ordering::Relaxed);
            Some(result)
        })
    }
}

impl<X, T> Guarded<X, T> {
    /// Makes a cell that guards `value` by this mutex.
    #[cfg(not(loom))]
    pub(crate) const fn with_mutex(mutex: X, value: T) -> Self {
        Guarded {
            mutex,
            entered: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    #[cfg(loom)]
    pub(crate) fn with_mutex(mutex: X, value: T) -> Self {
        Guarded {
            mutex,
            entered: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Lets calls in although one has entered and not left.
    ///
    /// # Safety
    /// That call never goes on. The value may be half changed: each of its parts that the call may
    /// have been writing must be valid whichever of its words were written.
    pub(crate) unsafe fn reopen(&self) {
        self.entered.store(false, Ordering::Relaxed);
    }

    /// Returns the number of calls that were refused.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Runs `f` on the value of the cell.
///
/// # Safety
/// Nothing else accesses the cell meanwhile.
#[inline(always)]
unsafe fn reach<T, R>(cell: &UnsafeCell<T>, f: impl FnOnce(&mut T) -> R) -> R {
    // SAFETY: guaranteed by the caller.
    #[cfg(not(loom))]
    return f(unsafe { &mut *cell.get() });
    // SAFETY: guaranteed by the caller, and checked by loom.
    #[cfg(loom)]
    return cell.with_mut(|value| f(unsafe { &mut *value }));
}

/// Adds 1 to a counter that has one writer at a time, without compare-and-swap.
#[inline(always)]
pub(crate) fn increment(counter: &AtomicUsize) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(1),
        Ordering::Relaxed,
    );
}

#[cfg(all(test, not(loom)))]
pub(crate) mod tests {
    use super::*;

    /// A mutex that excludes nothing, as it seems to a non-maskable interrupt.
    pub(crate) struct Porous;

    // SAFETY: the test has one thread, and its nested call ends before the outer goes on.
    unsafe impl RawMutex for Porous {
        const INIT: Self = Porous;
        fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
            f()
        }
    }

    #[test]
    fn a_reentrant_call_is_refused_and_counted() {
        let cell = Guarded::<Porous, u32>::new(1);
        let nested = cell.with(|value| {
            *value = 2;
            cell.with(|value| *value = 3)
        });
        assert_eq!(nested, Some(None));
        assert_eq!(cell.refused(), 1);
        assert_eq!(cell.with(|value| *value), Some(2));
    }

    #[test]
    fn a_panic_inside_closes_the_cell() {
        let cell = Guarded::<Porous, u32>::new(1);
        // Without the panic hook, whose message takes Miri seconds.
        let inside = || cell.with(|_| std::panic::resume_unwind(std::boxed::Box::new(())));
        let outcome: std::thread::Result<Option<()>> =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(inside));
        assert!(outcome.is_err());
        assert_eq!(cell.with(|value| *value), None);
        assert_eq!(cell.refused(), 1);
    }
}

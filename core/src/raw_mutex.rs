//! Mutual exclusion between the producers of a ring, and the cell that it guards.

#[cfg(not(loom))]
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering, compiler_fence};

#[cfg(loom)]
use loom::cell::UnsafeCell;

/// A way to run code while nobody else who uses the same instance runs theirs.
///
/// [`Interrupts`] serves one core and its interrupts. Write your own for a
/// kernel's spin lock, or for several cores.
///
/// # Safety
///
/// Calls of `with` on one instance must not overlap in time, except where one
/// interrupts the other and ends before the other goes on (a non-maskable
/// interrupt). What was written inside one call must be visible inside the next.
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
pub unsafe trait RawMutex: Sync {
    /// The initial value; each ring owns an instance of its own.
    #[cfg(not(loom))]
    const INIT: Self;

    /// The initial value; each ring owns an instance of its own.
    #[cfg(loom)]
    fn new() -> Self;

    /// Runs `f` with the others kept out. Not to be nested on one instance.
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R;
}

/// Exclusion by masking interrupts: the `critical-section` implementation that
/// the final program chose.
///
/// Costs what that implementation costs: 8 instructions on one Cortex-M core.
/// The implementation for `std` is one global lock, for tests only.
///
/// ```
/// use picojaeger_core::{RawMutex, Interrupts};
///
/// assert_eq!(Interrupts.lock(|| 3), 3);
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it has no state to come")]
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
        // As `critical_section::with`, which the compiler does not always inline.
        // SAFETY: the guard releases what was acquired, once, and calls nest as scopes do.
        let _masked = Masked(unsafe { critical_section::acquire() });
        f()
    }
}

/// Ends the critical section as it is dropped, after a panic too.
struct Masked(critical_section::RestoreState);

impl Drop for Masked {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: made from what `acquire` gave, and dropped once.
        unsafe { critical_section::release(self.0) }
    }
}

/// A value that is only reached inside an exclusion.
///
/// A call that comes while another is inside (from a non-maskable interrupt, a
/// fault handler, or an interrupt that the exclusion does not mask) is refused
/// and counted, and touches nothing.
///
/// ```
/// use picojaeger_core::adapter::Guarded;
/// use picojaeger_core::Interrupts;
///
/// static COUNT: Guarded<Interrupts, u32> = Guarded::new(0);
/// assert_eq!(COUNT.with(|count| { *count += 1; *count }), Some(1));
/// assert_eq!(COUNT.refused(), 0);
/// ```
// What every call touches lies first, so that its offset fits a Cortex-M0 instruction.
#[repr(C)]
#[derive(Debug)]
pub struct Guarded<X, T> {
    mutex: X,
    entered: AtomicBool,
    refused: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only reached in `with`, inside the exclusion and never twice at
// a time, so sharing the cell hands `T` from one thread to another at most.
unsafe impl<X: RawMutex, T: Send> Sync for Guarded<X, T> {}

impl<X: RawMutex, T> Guarded<X, T> {
    /// A cell that holds `value`.
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        Guarded::with_mutex(X::INIT, value)
    }

    /// A cell that holds `value`.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Guarded::with_mutex(X::new(), value)
    }

    /// Runs `f` on the value; `None` if a call on this cell is already inside.
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
            // SAFETY: the exclusion keeps others out, and `entered` those that get past it.
            let result = unsafe { reach(&self.value, f) };
            compiler_fence(Ordering::SeqCst);
            self.entered.store(false, Ordering::Relaxed);
            Some(result)
        })
    }
}

impl<X, T> Guarded<X, T> {
    /// A cell that holds `value` behind this instance.
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

    /// The number of calls that were refused.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Runs `f` on what the cell holds.
///
/// # Safety
/// Nobody else reaches the cell meanwhile.
#[inline(always)]
unsafe fn reach<T, R>(cell: &UnsafeCell<T>, f: impl FnOnce(&mut T) -> R) -> R {
    // SAFETY: the caller's promise.
    #[cfg(not(loom))]
    return f(unsafe { &mut *cell.get() });
    // SAFETY: the caller's promise, which loom checks.
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
mod tests {
    use super::*;

    /// An exclusion that keeps nobody out, as a non-maskable interrupt meets it.
    struct Porous;

    // SAFETY: the test has one thread, and its nested call ends before the outer goes on.
    unsafe impl RawMutex for Porous {
        const INIT: Self = Porous;
        fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
            f()
        }
    }

    #[test]
    fn a_nested_call_is_refused_and_counted() {
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
        let inside = std::panic::AssertUnwindSafe(|| cell.with(|_| panic!("inside")));
        let outcome: std::thread::Result<Option<()>> = std::panic::catch_unwind(inside);
        assert!(outcome.is_err());
        assert_eq!(cell.with(|value| *value), None);
        assert_eq!(cell.refused(), 1);
    }
}

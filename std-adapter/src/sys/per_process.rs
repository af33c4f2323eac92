//! Values that are set once, without a lock that a fork could leave held.

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::sys::fork;

/// A value that is set at most once, and never waited for.
pub(crate) struct OnceBox<T> {
    value: AtomicPtr<T>,
    _owned: PhantomData<T>,
}

/// A value of which each forked child gets a new one, so that the child takes no lock that
/// another thread of its parent held.
pub(crate) struct PerProcess<T> {
    generation: u32,
    value: T,
    next: OnceBox<PerProcess<T>>,
}

impl<T: Send + Sync> OnceBox<T> {
    pub(crate) const fn new() -> Self {
        OnceBox {
            value: AtomicPtr::new(ptr::null_mut()),
            _owned: PhantomData,
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: null, or from `Box::into_raw` and freed only with `self`; Acquire
        // pairs with the store that published it.
        unsafe { self.value.load(Ordering::Acquire).as_ref() }
    }

    /// Returns the value, made first if none is set; of those that several threads make at once,
    /// one stays.
    pub(crate) fn get_or_set(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Box::into_raw(Box::new(make()));
        let set =
            self.value
                .compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
        match set {
            // SAFETY: published just now, and freed only with `self`.
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY: `made` was not published, so it is this call's own.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: not null, as the exchange failed; otherwise as in `get`.
                unsafe { &*other }
            }
        }
    }
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// Makes one with the value of the first process.
    pub(crate) const fn new(value: T) -> Self {
        PerProcess {
            generation: 0,
            value,
            next: OnceBox::new(),
        }
    }

    /// Returns this process's value.
    #[inline(always)]
    pub(crate) fn get(&self) -> &T {
        match fork::generation() {
            generation if generation == self.generation => &self.value,
            generation => self.of(generation),
        }
    }

    #[cold]
    #[inline(never)]
    fn of(&self, generation: u32) -> &T {
        let mut at = self;
        while at.generation != generation {
            at = at.next.get_or_set(|| PerProcess {
                generation,
                value: T::default(),
                next: OnceBox::new(),
            });
        }
        &at.value
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let value = *self.value.get_mut();
        if !value.is_null() {
            // SAFETY: from `Box::into_raw`, and `&mut self` excludes every borrow from `get`.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn miri_one_of_many_values_stays() {
        let counted = Arc::new(());
        let once = OnceBox::new();
        assert!(once.get().is_none());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| once.get_or_set(|| counted.clone()) as *const _ as usize))
                .collect();
            let seen: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
            assert!(seen.iter().all(|at| *at == seen[0]), "{seen:?}");
        });
        assert_eq!(Arc::strong_count(&counted), 2, "the others are dropped");
        drop(once);
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}

//! How a ring passes from the thread that fills it to the exporter that empties it, and back.
//!
//! Independent of everything else, so that a loom model can run the same code: the lock comes from
//! `crate::sys::sync`, the rings through [`ReadingEnd`].
//!
//! A thread returns a ring's producing end when it exchanges the ring or ends. The exporter goes on
//! reading; once it finds the end returned and the ring empty, it joins both.

use std::sync::Arc;

use crate::sys::sync::{Mutex, lock};

/// Consuming end of a ring whose producing end is a `P`.
pub(crate) trait ReadingEnd<P> {
    /// Both ends.
    type Ring;

    /// Returns the bytes of records in the ring; 0 only if none is left that was pushed before the
    /// producing end was returned.
    fn backlog(&self) -> usize;

    /// Joins both ends of a ring.
    fn join(self, producer: P) -> Self::Ring;
}

/// A ring in the hands of the thread that fills it.
#[derive(Debug)]
pub(crate) struct HeldRing<P> {
    pub(crate) producer: P,
    place: Arc<ReturnPlace<P>>,
}

/// A ring in the hands of the exporter.
#[derive(Debug)]
pub(crate) struct RingReader<P, C> {
    pub(crate) end: C,
    place: Arc<ReturnPlace<P>>,
}

/// Rings that were handed out, until the exporter takes their readers.
#[derive(Debug)]
pub(crate) struct RingRegistry<P, C>(Mutex<Vec<RingReader<P, C>>>);

/// Place to which the producing end is returned.
#[derive(Debug)]
struct ReturnPlace<P>(Mutex<Option<P>>);

impl<P, C: ReadingEnd<P>> RingRegistry<P, C> {
    pub(crate) fn new() -> Self {
        RingRegistry(Mutex::new(Vec::new()))
    }

    /// Hands a ring to a thread. Its reader is registered first, so that the exporter finds every
    /// record for which it is woken.
    pub(crate) fn hand_out(&self, producer: P, end: C) -> HeldRing<P> {
        let place = Arc::new(ReturnPlace(Mutex::new(None)));
        let reader = RingReader {
            end,
            place: place.clone(),
        };
        lock(&self.0).push(reader);
        HeldRing { producer, place }
    }

    /// Hands a ring to a thread in place of the one that it holds, which is returned.
    pub(crate) fn exchange(&self, held: &mut HeldRing<P>, producer: P, end: C) {
        let before = std::mem::replace(held, self.hand_out(producer, end));
        before.give_back();
    }

    /// Takes back the ring of a thread that ends. Returns the ring if it is empty and the exporter
    /// has not taken its reader; otherwise the exporter has to be woken.
    pub(crate) fn take_back(&self, held: HeldRing<P>) -> Option<C::Ring> {
        let place = held.give_back();
        let mut readers = lock(&self.0);
        let is_over =
            |reader: &RingReader<P, C>| Arc::ptr_eq(&reader.place, &place) && reader.is_over();
        let at = readers.iter().position(is_over)?;
        readers.swap_remove(at).join()
    }

    /// Appends the readers of rings that were handed out since the last call.
    pub(crate) fn take_readers(&self, readers: &mut Vec<RingReader<P, C>>) {
        readers.append(&mut lock(&self.0));
    }

    #[cfg(all(test, not(loom)))]
    /// Runs `f` while the calling thread holds the registry; for tests of fork.
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        crate::sys::sync::hold(&self.0, f);
    }
}

impl<P> HeldRing<P> {
    #[cfg(all(test, not(loom)))]
    /// Returns a number that changes with each exchange.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.place).addr()
    }

    fn give_back(self) -> Arc<ReturnPlace<P>> {
        let HeldRing { producer, place } = self;
        *lock(&place.0) = Some(producer);
        place
    }
}

impl<P, C: ReadingEnd<P>> RingReader<P, C> {
    /// Returns whether the producing end is back and no record is left.
    pub(crate) fn is_over(&self) -> bool {
        // In this order: no record is pushed once the producing end is back.
        let is_back = lock(&self.place.0).is_some();
        is_back && self.end.backlog() == 0
    }

    /// Joins both ends, if the producing one is back.
    pub(crate) fn join(self) -> Option<C::Ring> {
        let producer = lock(&self.place.0).take()?;
        Some(self.end.join(producer))
    }
}

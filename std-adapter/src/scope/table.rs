//! Open spans that another library numbers: they lie in one table of the process, whatever threads have them active.
//!
//! A write takes a span out for its time, since it may run the user's code. So no lock is held while foreign code
//! runs; a second thread that writes to the same span waits, but not for good.

use std::cell;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::yield_now;

use crate::context::SpanContext;
use crate::state::{Slot, TracerState};
use crate::sys::per_process::{OnceBox, PerProcess};
use crate::sys::sync::lock;

/// The number of a span, and who gave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SpanNumber {
    pub(crate) owner: Owner,
    pub(crate) number: u64,
}

/// Who numbers spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner(NonZeroU32);

/// An open span in the table.
struct Entry {
    place: Place,
    /// What is left of the span's start.
    rest: Option<Completion>,
    /// Whether the context has become a parent, or may have left the process.
    is_used: bool,
}

/// The rest of a start, which waits until the span's context is needed.
#[derive(Clone, Copy)]
pub(crate) struct Completion {
    pub(crate) name: &'static str,
    /// Completes the start of a span of this name under a parent.
    pub(crate) complete: fn(Box<Slot>, &'static str, SpanContext) -> Option<Box<Slot>>,
}

impl Completion {
    fn complete(self, span: Box<Slot>, parent: SpanContext) -> Option<Box<Slot>> {
        (self.complete)(span, self.name, parent)
    }
}

enum Place {
    Here(Box<Slot>),
    /// Written to at present. Its context is what it was before.
    Lent(SpanContext),
}

/// A cell of the table, on cache lines of its own: the spans whose numbers come to it.
#[repr(align(128))]
#[derive(Default)]
struct Cell(Mutex<Entries>);

/// Spans of one cell. Nearly always there is one at most.
#[derive(Default)]
struct Entries {
    first: Option<(SpanNumber, Entry)>,
    more: Vec<(SpanNumber, Entry)>,
}

/// Cells of the table, 128 KiB in all: more than there are open spans in most programs.
const CELLS: usize = 1024;

/// Made at the first use.
struct Table(OnceBox<Box<[Cell]>>);

/// A forked child starts with an empty one: the open spans are its parent's.
static TABLE: PerProcess<Table> = PerProcess::new(Table(OnceBox::new()));

impl Default for Table {
    fn default() -> Self {
        Table(OnceBox::new())
    }
}

#[inline]
fn cells() -> &'static [Cell] {
    let make = || (0..CELLS).map(|_| Cell::default()).collect();
    TABLE.get().0.get_or_set(make)
}

/// How often a thread yields to another one that writes to the same span. A bound, since the other thread may
/// format a value that waits for this one.
const MOST_WAITS: u32 = 10_000;

thread_local! {
    /// The writes that this thread is in the middle of. A write within one never waits.
    static WRITES: cell::Cell<u32> = const { cell::Cell::new(0) };
}

impl Owner {
    /// Returns one that is not in use in this process.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Owner(NonZeroU32::new(next).unwrap_or(NonZeroU32::MAX))
    }

    pub(crate) const fn number(self, number: u64) -> SpanNumber {
        SpanNumber {
            owner: self,
            number,
        }
    }

    /// Takes the spans that are still open.
    pub(crate) fn take_all(self) -> Vec<Box<Slot>> {
        let mut left = Vec::new();
        for cell in cells() {
            let mut entries = lock(&cell.0);
            let first = entries.first.take_if(|(number, _)| number.owner == self);
            let more = entries
                .more
                .extract_if(.., |(number, _)| number.owner == self);
            let taken = more.chain(first);
            left.extend(taken.map(|(_, entry)| entry));
        }
        left.into_iter().filter_map(Entry::span).collect()
    }
}

/// Returns the spans of a tracer whose start is not complete, and which count as nothing yet.
pub(crate) fn begun(state: &Arc<TracerState>) -> Vec<SpanNumber> {
    let Some(cells) = TABLE.get().0.get() else {
        return Vec::new();
    };
    let is_begun = |entry: &Entry| match &entry.place {
        Place::Here(span) => entry.rest.is_some() && Arc::ptr_eq(&span.owner, state),
        Place::Lent(_) => false,
    };
    let mut found = Vec::new();
    for cell in cells {
        let entries = lock(&cell.0);
        let entries = entries.first.iter().chain(&entries.more);
        let begun = entries.filter(|(_, entry)| is_begun(entry));
        found.extend(begun.map(|(number, _)| *number));
    }
    found
}

impl Entry {
    /// Returns the span; completes its start.
    #[inline]
    fn span(self) -> Option<Box<Slot>> {
        let span = self.place.span()?;
        match self.rest {
            None => Some(span),
            Some(rest) => rest.complete(span, SpanContext::default()),
        }
    }
}

impl Entries {
    #[inline]
    const fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.is_empty()
    }

    #[inline]
    fn get(&mut self, number: SpanNumber) -> Option<&mut Entry> {
        match &mut self.first {
            Some((first, entry)) if *first == number => Some(entry),
            _ if self.more.is_empty() => None,
            _ => {
                let mut more = self.more.iter_mut();
                more.find_map(|(other, entry)| (*other == number).then_some(entry))
            }
        }
    }

    /// Adds an entry whose number is not there.
    #[inline]
    fn add(&mut self, number: SpanNumber, entry: Entry) {
        match &self.first {
            None => self.first = Some((number, entry)),
            Some(_) => self.more.push((number, entry)),
        }
    }

    #[inline]
    fn remove(&mut self, number: SpanNumber) -> Option<Entry> {
        if let Some((_, entry)) = self.first.take_if(|(first, _)| *first == number) {
            return Some(entry);
        }
        let at = self.more.iter().position(|(other, _)| *other == number)?;
        Some(self.more.swap_remove(at).1)
    }
}

impl Place {
    fn span(self) -> Option<Box<Slot>> {
        match self {
            Place::Here(span) => Some(span),
            Place::Lent(_) => None,
        }
    }

    fn context(&self) -> SpanContext {
        match self {
            Place::Here(span) => span.context(),
            Place::Lent(context) => context.clone(),
        }
    }
}

impl SpanNumber {
    /// Puts a span into the table, and returns the one whose number was the same.
    #[inline]
    pub(crate) fn insert(self, span: Box<Slot>, rest: Option<Completion>) -> Option<Box<Slot>> {
        let entry = Entry {
            place: Place::Here(span),
            rest,
            is_used: false,
        };
        let mut entries = self.entries();
        if entries.is_empty() {
            entries.first = Some((self, entry));
            return None;
        }
        let former = entries.remove(self);
        entries.add(self, entry);
        // As if its start were complete: two spans of one number are a fault of the one who numbers.
        former?.span()
    }

    /// Takes a span out of the table for good.
    #[inline]
    pub(crate) fn remove(self) -> Option<Box<Slot>> {
        // The usual case in one step: it is the first of its cell, and nobody writes to it.
        let is_free = |(number, entry): &mut (SpanNumber, Entry)| {
            *number == self && matches!(entry.place, Place::Here(_))
        };
        let first = self.entries().first.take_if(is_free);
        match first {
            Some((_, entry)) => entry.span(),
            None => self.remove_waiting(),
        }
    }

    #[cold]
    fn remove_waiting(self) -> Option<Box<Slot>> {
        // It stays there while it is written to.
        let removed = self.wait(|entries| match entries.get(self) {
            Some(entry) if matches!(entry.place, Place::Lent(_)) => None,
            Some(_) => Some(entries.remove(self)),
            None => Some(None),
        });
        removed.flatten()?.span()
    }

    /// Returns the context of a span.
    pub(crate) fn context(self) -> Option<SpanContext> {
        self.with_started(|entry| entry.place.context())
    }

    /// Returns the context of a span, which becomes a parent by it.
    pub(crate) fn use_context(self) -> Option<SpanContext> {
        self.with_started(|entry| {
            entry.is_used = true;
            entry.place.context()
        })
    }

    /// Completes the start of a span under a parent; returns whether any was left.
    pub(crate) fn complete(self, parent: SpanContext) -> bool {
        let waiting = self.wait(|entries| {
            let Some(entry) = entries.get(self) else {
                return Some(None);
            };
            let Some(rest) = entry.rest else {
                return Some(None);
            };
            let lent = Place::Lent(SpanContext::default());
            match std::mem::replace(&mut entry.place, lent) {
                Place::Here(span) => Some(Some((span, rest))),
                Place::Lent(_) => None,
            }
        });
        let Some((span, rest)) = waiting.flatten() else {
            return false;
        };
        // A sampler of the user's may trace.
        WRITES.set(WRITES.get() + 1);
        let started = rest.complete(span, parent);
        WRITES.set(WRITES.get() - 1);
        let mut entries = self.entries();
        match (entries.get(self), started) {
            (Some(entry), Some(span)) => {
                entry.place = Place::Here(span);
                entry.rest = None;
            }
            _ => drop(entries.remove(self)),
        }
        true
    }

    /// Runs `f` on the entry of a span, whose start is complete.
    fn with_started<R>(self, f: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut entries = self.entries();
        if entries.get(self)?.rest.is_none() {
            return entries.get(self).map(f);
        }
        drop(entries);
        self.complete(SpanContext::default());
        self.entries().get(self).map(f)
    }

    /// Returns whether the context of a span has become a parent.
    pub(crate) fn is_used(self) -> bool {
        self.entries().get(self).is_some_and(|entry| entry.is_used)
    }

    /// Notes that the context of a span has become a parent.
    pub(super) fn set_used(self) {
        if let Some(entry) = self.entries().get(self) {
            entry.is_used = true;
        }
    }

    /// Returns the tracer of a span.
    pub(super) fn tracer(self) -> Option<Arc<TracerState>> {
        match &self.entries().get(self)?.place {
            Place::Here(span) => Some(span.owner.clone()),
            Place::Lent(_) => None,
        }
    }

    /// Runs `f` on a span, which is not in the table meanwhile. `None` if there is no such span, or if it is
    /// written to by others, who do not finish, or by the calling thread.
    pub(crate) fn with<R>(self, f: impl FnOnce(&mut Option<Box<Slot>>) -> R) -> Option<R> {
        let mut lent = Lent {
            span: Some(self.lend()?),
            number: self,
        };
        Some(f(&mut lent.span))
    }

    /// Takes a span to write to it; [`SpanNumber::put_back`] has to follow.
    pub(super) fn lend(self) -> Option<Box<Slot>> {
        self.with_started(|_| ())?;
        let taken = self.wait(|entries| {
            let Some(entry) = entries.get(self) else {
                return Some(None);
            };
            let context = match &entry.place {
                Place::Here(span) => span.context(),
                Place::Lent(_) => return None,
            };
            let place = std::mem::replace(&mut entry.place, Place::Lent(context));
            Some(place.span())
        });
        let span = taken.flatten()?;
        WRITES.set(WRITES.get() + 1);
        Some(span)
    }

    pub(super) fn put_back(self, span: Box<Slot>) {
        WRITES.set(WRITES.get() - 1);
        let mut entries = self.entries();
        let former = entries
            .get(self)
            .map(|entry| std::mem::replace(&mut entry.place, Place::Here(span)));
        // The last owner of baggage frees it.
        drop(entries);
        drop(former);
    }

    /// Runs `f` on the cell of the number, again and again while it returns `None`, within limits.
    fn wait<R>(self, mut f: impl FnMut(&mut Entries) -> Option<R>) -> Option<R> {
        let mut waits = 0;
        loop {
            let found = f(&mut self.entries());
            if found.is_some() || WRITES.get() > 0 || waits == MOST_WAITS {
                return found;
            }
            waits += 1;
            yield_now();
        }
    }

    #[inline]
    fn entries(self) -> MutexGuard<'static, Entries> {
        let index = (self.mix() >> 32) as usize % CELLS;
        lock(&cells()[index].0)
    }

    /// Returns a hash. Numbers are small or differ in few bits, and come from this process.
    const fn mix(self) -> u64 {
        let both = self.number ^ ((self.owner.0.get() as u64) << 40);
        let product = both.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ (product >> 29)
    }
}

/// A span that goes back into the table when this is dropped.
struct Lent {
    span: Option<Box<Slot>>,
    number: SpanNumber,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            self.number.put_back(span);
        }
    }
}

//! Open spans that another library numbers: they lie in one table of the process, whatever threads have them active.
//!
//! A write takes a span out for its time, since it may run the user's code. So no lock is held while foreign code
//! runs; a second thread that writes to the same span waits, but not for good.

use std::cell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::yield_now;

use crate::context::SpanContext;
use crate::state::{Slot, TracerState};
use crate::sys::per_process::{OnceBox, PerProcess};
use crate::sys::spin::{Spin, SpinGuard};

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
///
/// Its parts are written and read in place and by themselves: one that is put together elsewhere and copied as a whole makes
/// the processor wait, for the copy reads wider than was written just before.
#[derive(Default)]
struct Entry {
    number: u64,
    /// `None` in a cell without a span.
    owner: Option<Owner>,
    /// Whether the context has become a parent, or may have left the process.
    is_used: bool,
    /// `None` while it is written to.
    span: Option<Box<Slot>>,
    /// The context that the span had when it was lent.
    context: SpanContext,
    /// What is left of the span's start.
    rest: Option<Completion>,
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

/// Why a span cannot be written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotLent {
    /// There is none of this number.
    Missing,
    /// It is written to at present.
    Busy,
    /// Its start has to be completed first.
    NotStarted,
}

/// A cell of the table, on cache lines of its own: the spans whose numbers come to it.
#[repr(align(128))]
#[derive(Default)]
struct Cell(Spin<Entries>);

/// Spans of one cell. Nearly always there is one at most.
#[derive(Default)]
struct Entries {
    first: Entry,
    more: Vec<Entry>,
}

/// A second pair of lines would cost each access.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Cell>() == 128);

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

#[inline(always)]
fn cells() -> &'static [Cell] {
    match TABLE.get().0.get() {
        Some(cells) => cells,
        None => make_cells(),
    }
}

#[cold]
#[inline(never)]
fn make_cells() -> &'static [Cell] {
    let make = || (0..CELLS).map(|_| Cell::default()).collect();
    TABLE.get().0.get_or_set(make)
}

/// Where a number of `tracing-subscriber` has the thread.
const THREAD_SHIFT: u32 = 38;
const THREAD_MASK: u32 = (1 << 13) - 1;

/// The spans of a cell, while it is locked.
type Locked = SpinGuard<'static, Entries>;

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
            let mut entries = cell.0.lock();
            if entries.first.owner == Some(self) {
                left.push(std::mem::take(&mut entries.first));
            }
            let is_own = |entry: &mut Entry| entry.owner == Some(self);
            left.extend(entries.more.extract_if(.., is_own));
        }
        left.into_iter().filter_map(Entry::span).collect()
    }
}

/// Returns the spans of a tracer whose start is not complete, and which count as nothing yet.
pub(crate) fn begun(state: &Arc<TracerState>) -> Vec<SpanNumber> {
    let Some(cells) = TABLE.get().0.get() else {
        return Vec::new();
    };
    let is_begun = |entry: &Entry| {
        let span = entry.span.as_ref().filter(|_| entry.rest.is_some());
        span.is_some_and(|span| Arc::ptr_eq(&span.owner, state))
    };
    let mut found = Vec::new();
    for cell in cells {
        let entries = cell.0.lock();
        let entries = std::iter::once(&entries.first).chain(&entries.more);
        found.extend(
            entries
                .filter(|entry| is_begun(entry))
                .filter_map(Entry::number),
        );
    }
    found
}

impl Entry {
    #[inline(always)]
    fn is(&self, number: SpanNumber) -> bool {
        self.owner == Some(number.owner) && self.number == number.number
    }

    fn number(&self) -> Option<SpanNumber> {
        self.owner.map(|owner| owner.number(self.number))
    }

    /// Returns the span; completes its start.
    #[inline]
    fn span(self) -> Option<Box<Slot>> {
        finished(self.span?, self.rest)
    }

    fn context(&self) -> SpanContext {
        match &self.span {
            Some(span) => span.context(),
            None => self.context.clone(),
        }
    }
}

/// Returns a span whose start is complete.
#[inline(always)]
fn finished(span: Box<Slot>, rest: Option<Completion>) -> Option<Box<Slot>> {
    match rest {
        None => Some(span),
        Some(rest) => complete_root(span, rest),
    }
}

#[cold]
#[inline(never)]
fn complete_root(span: Box<Slot>, rest: Completion) -> Option<Box<Slot>> {
    rest.complete(span, SpanContext::default())
}

impl Entries {
    #[inline]
    fn get(&mut self, number: SpanNumber) -> Option<&mut Entry> {
        if self.first.is(number) {
            return Some(&mut self.first);
        }
        self.more.iter_mut().find(|entry| entry.is(number))
    }

    /// Adds an entry whose number is not there.
    fn add(&mut self, entry: Entry) {
        match self.first.owner {
            None => self.first = entry,
            Some(_) => self.more.push(entry),
        }
    }

    fn remove(&mut self, number: SpanNumber) -> Option<Entry> {
        if self.first.is(number) {
            return Some(std::mem::take(&mut self.first));
        }
        let at = self.more.iter().position(|entry| entry.is(number))?;
        Some(self.more.swap_remove(at))
    }

    /// Takes a span to write to it, and leaves its context.
    #[inline]
    fn lend(&mut self, number: SpanNumber) -> Result<Box<Slot>, NotLent> {
        let entry = self.get(number).ok_or(NotLent::Missing)?;
        if entry.span.is_some() && entry.rest.is_some() {
            return Err(NotLent::NotStarted);
        }
        let span = entry.span.take().ok_or(NotLent::Busy)?;
        entry.context = span.context();
        Ok(span)
    }
}

impl SpanNumber {
    /// Puts a span into the table, and returns the one whose number was the same.
    #[inline]
    pub(crate) fn insert(self, span: Box<Slot>, rest: Option<Completion>) -> Option<Box<Slot>> {
        let mut entries = self.entries();
        if entries.first.owner.is_some() || !entries.more.is_empty() {
            return self.insert_beside(entries, span, rest);
        }
        let first = &mut entries.first;
        (first.number, first.owner) = (self.number, Some(self.owner));
        first.is_used = false;
        if rest.is_some() {
            first.rest = rest;
        }
        // There was none, and a test for one costs less than its drop.
        first.span.replace(span)
    }

    /// The same in a cell that is not empty.
    #[cold]
    #[inline(never)]
    fn insert_beside(
        self,
        mut entries: Locked,
        span: Box<Slot>,
        rest: Option<Completion>,
    ) -> Option<Box<Slot>> {
        let former = entries.remove(self);
        entries.add(Entry {
            number: self.number,
            owner: Some(self.owner),
            span: Some(span),
            rest,
            ..Entry::default()
        });
        drop(entries);
        // As if its start were complete: two spans of one number are a fault of the one who numbers.
        former?.span()
    }

    /// Takes a span out of the table for good.
    #[inline]
    pub(crate) fn remove(self) -> Option<Box<Slot>> {
        let mut entries = self.entries();
        // The usual case in one step: it is the first of its cell, and nobody writes to it.
        if entries.first.is(self)
            && let Some(span) = entries.first.span.take()
        {
            entries.first.owner = None;
            let rest = entries.first.rest.take();
            drop(entries);
            return finished(span, rest);
        }
        drop(entries);
        self.remove_waiting()
    }

    #[cold]
    fn remove_waiting(self) -> Option<Box<Slot>> {
        // It stays there while it is written to.
        let removed = self.wait(|entries| match entries.get(self) {
            Some(entry) if entry.span.is_none() => None,
            Some(_) => Some(entries.remove(self)),
            None => Some(None),
        });
        removed.flatten()?.span()
    }

    /// Returns the context of a span.
    pub(crate) fn context(self) -> Option<SpanContext> {
        self.with_started(|entry| entry.context())
    }

    /// Returns the context of a span, which becomes a parent by it.
    pub(crate) fn use_context(self) -> Option<SpanContext> {
        self.with_started(|entry| {
            entry.is_used = true;
            entry.context()
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
            let span = entry.span.take()?;
            entry.context = SpanContext::default();
            Some(Some((span, rest)))
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
                entry.span = Some(span);
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
        let mut entries = self.entries();
        let span = entries.get(self)?.span.as_ref();
        span.map(|span| span.owner.clone())
    }

    /// Runs `f` on a span, which is not in the table meanwhile. `None` if there is no such span, or if it is
    /// written to by others, who do not finish, or by the calling thread.
    pub(crate) fn with<R>(self, f: impl FnOnce(&mut Option<Box<Slot>>) -> R) -> Option<R> {
        let mut lent = Lent {
            span: Some(self.lend().ok()?),
            number: self,
        };
        Some(f(&mut lent.span))
    }

    /// Takes a span to write to it; [`SpanNumber::put_back`] has to follow.
    pub(super) fn lend(self) -> Result<Box<Slot>, NotLent> {
        // A statement of its own: the lock ends with it.
        let taken = self.entries().lend(self);
        let taken = match taken {
            Err(NotLent::NotStarted) => {
                self.complete(SpanContext::default());
                self.lend_waiting()
            }
            Err(NotLent::Busy) => self.lend_waiting(),
            taken => taken,
        };
        if taken.is_ok() {
            WRITES.set(WRITES.get() + 1);
        }
        taken
    }

    #[cold]
    #[inline(never)]
    fn lend_waiting(self) -> Result<Box<Slot>, NotLent> {
        let taken = self.wait(|entries| match entries.lend(self) {
            Err(NotLent::Busy | NotLent::NotStarted) => None,
            taken => Some(taken),
        });
        taken.unwrap_or(Err(NotLent::Busy))
    }

    pub(super) fn put_back(self, span: Box<Slot>) {
        WRITES.set(WRITES.get() - 1);
        let mut entries = self.entries();
        let former = entries.get(self).map(|entry| {
            entry.span = Some(span);
            std::mem::take(&mut entry.context.baggage)
        });
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

    #[inline(always)]
    fn entries(self) -> Locked {
        cells()[self.cell()].0.lock()
    }

    /// Returns the cell of the number.
    ///
    /// `tracing-subscriber` numbers spans by a place, which it gives again to the next span, a thread, and how often it has given
    /// the place (the uppermost bits, left out here). So a thread's spans have the same few cells, which its processor holds
    /// already. The fold is for those who number otherwise, as by addresses.
    #[inline(always)]
    pub(super) const fn cell(self) -> usize {
        let place = self.number as u32;
        let thread = (self.number >> THREAD_SHIFT) as u32 & THREAD_MASK;
        let giver = (thread ^ self.owner.0.get() << 16).wrapping_mul(0x9e37_79b9);
        (place ^ place >> 10 ^ giver >> 22) as usize % CELLS
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

//! The table of current spans.

use core::fmt;
use core::marker::PhantomData;

use crate::context::{SpanContext, ToContext};
use crate::raw_mutex::{Guarded, Interrupts, RawMutex};
use crate::tasks::Execution;

/// Holds the span that is current in each thread and interrupt, for code that has no parent at hand.
///
/// Given to `child_of`, it is the span that was [entered](CurrentSpans::enter) last where that call
/// runs, and nothing where none was: a span of an interrupt never becomes a child of the code that it
/// interrupts. Futures enter their span with each poll: [`InSpan`](crate::InSpan).
///
/// `E` tells threads and interrupts apart, `N` is how many of them have a current span at a time: one,
/// and one for each priority of interrupts that enter spans. `X` is the mutex, held for a copy of a
/// context. Programs without such a `static` have none of its code.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, Ring, Seed, Tracer};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// use picojaeger_core::{CurrentSpans, Execution, SpanContext};
/// # /// There is one thread, and no interrupt.
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
///
/// static CURRENT: CurrentSpans<CortexM, 4> = CurrentSpans::new();
///
/// fn convert() -> SpanContext {
///     let span = TRACER.span_builder("convert").child_of(&CURRENT).start::<32>();
///     span.context()
/// }
///
/// let mut span = TRACER.start::<32>("ADC"); // as the first line of an interrupt's handler
/// let current = CURRENT.enter(&span);
/// span.tag("channel", 3); // it is still at hand
/// assert_eq!(convert().trace_id(), span.context().trace_id());
/// drop(current);
/// assert_ne!(convert().trace_id(), span.context().trace_id());
/// ```
pub struct CurrentSpans<E, const N: usize, X = Interrupts> {
    table: Guarded<X, Table<N>>,
    execution: PhantomData<fn() -> E>,
}

/// The table of current spans, whatever its types; implemented by [`CurrentSpans`] alone.
pub trait CurrentTable: sealed::Sealed + Sync {
    /// Returns the current span of what runs, and replaces it.
    #[doc(hidden)]
    fn swap(&self, span: Option<SpanContext>) -> Option<SpanContext>;
}

mod sealed {
    pub trait Sealed {}
    impl<E, const N: usize, X> Sealed for super::CurrentSpans<E, N, X> {}
}

/// Keeps a span current; when it is dropped, the one before is current again.
///
/// It stays where it was made, and several end in the reverse order. Do not hold it across an
/// `await`: another task would run with this span; [`InSpan`](crate::InSpan) serves futures. A guard that
/// is forgotten leaves its span current until an outer one ends.
///
/// ```
/// use picojaeger_core::{CurrentSpans, Entered, Execution, SpanContext, ToContext};
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
///
/// static CURRENT: CurrentSpans<CortexM, 4> = CurrentSpans::new();
///
/// let parent: SpanContext = "1:2:0:1".parse().unwrap(); // from another processor
/// let current: Entered<'_, _> = CURRENT.enter(parent);
/// assert_eq!(CURRENT.to_context(), Some(parent));
/// drop(current);
/// assert_eq!(CURRENT.to_context(), None);
/// ```
#[must_use = "the span is current until this is dropped"]
pub struct Entered<'c, C: CurrentTable + ?Sized> {
    /// Dropped where it was made: the entry is that of what runs.
    _here: PhantomData<*mut ()>,
    _restore: Restore<'c, C>,
}

/// Makes a span current again on drop, which has to be where it was made.
pub(super) struct Restore<'c, C: CurrentTable + ?Sized> {
    table: &'c C,
    before: Option<SpanContext>,
}

/// The current spans of `N` executions.
struct Table<const N: usize> {
    entries: [Option<Entry>; N],
    missed: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    execution: usize,
    span: SpanContext,
}

impl<E: Execution, const N: usize, X: RawMutex> CurrentSpans<E, N, X> {
    /// Makes a table without a current span.
    pub const fn new() -> Self {
        CurrentSpans {
            table: Guarded::new(Table {
                entries: [None; N],
                missed: 0,
            }),
            execution: PhantomData,
        }
    }

    /// Makes a span current, here, until the guard is dropped; `None` means that no span is.
    #[inline]
    pub fn enter(&self, span: impl ToContext) -> Entered<'_, Self> {
        Entered {
            _here: PhantomData,
            _restore: Restore::enter(self, span.to_context()),
        }
    }

    /// Returns how often a span did not become current, or was not found, for want of room or in a
    /// re-entrant call: its children began traces of their own.
    pub fn missed(&self) -> usize {
        let missed = self.table.with(|table| table.missed).unwrap_or_default();
        missed.wrapping_add(self.table.refused())
    }
}

impl<E: Execution, const N: usize, X: RawMutex> Default for CurrentSpans<E, N, X> {
    fn default() -> Self {
        CurrentSpans::new()
    }
}

impl<E: Execution, const N: usize, X: RawMutex> CurrentTable for CurrentSpans<E, N, X> {
    fn swap(&self, span: Option<SpanContext>) -> Option<SpanContext> {
        let execution = E::id();
        self.table
            .with(|table| table.swap(execution, span))
            .flatten()
    }
}

impl<E: Execution, const N: usize, X: RawMutex> ToContext for CurrentSpans<E, N, X> {
    fn to_context(&self) -> Option<SpanContext> {
        let execution = E::id();
        self.table.with(|table| table.get(execution)).flatten()
    }
}

impl<E, const N: usize, X> fmt::Debug for CurrentSpans<E, N, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentSpans").finish_non_exhaustive()
    }
}

impl<C: CurrentTable + ?Sized> fmt::Debug for Entered<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

impl<'c, C: CurrentTable + ?Sized> Restore<'c, C> {
    /// Makes a span current here.
    #[inline]
    pub(super) fn enter(table: &'c C, span: Option<SpanContext>) -> Self {
        Restore {
            table,
            before: table.swap(span),
        }
    }
}

impl<C: CurrentTable + ?Sized> Drop for Restore<'_, C> {
    fn drop(&mut self) {
        self.table.swap(self.before);
    }
}

impl<const N: usize> Table<N> {
    fn get(&self, execution: usize) -> Option<SpanContext> {
        let mut used = self.entries.iter().flatten();
        used.find(|entry| entry.execution == execution)
            .map(|entry| entry.span)
    }

    fn swap(&mut self, execution: usize, span: Option<SpanContext>) -> Option<SpanContext> {
        let new = span.map(|span| Entry { execution, span });
        let of_execution = |entry: &Option<Entry>| entry.is_some_and(|e| e.execution == execution);
        if let Some(own) = self.entries.iter_mut().find(|entry| of_execution(entry)) {
            let old = core::mem::replace(own, new);
            return old.map(|entry| entry.span);
        }
        if new.is_some() {
            match self.entries.iter_mut().find(|entry| entry.is_none()) {
                Some(free) => *free = new,
                None => self.missed = self.missed.wrapping_add(1),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_mutex::tests::Porous;
    use crate::{Flags, SpanId, TraceId};

    struct Here;

    impl Execution for Here {
        fn id() -> usize {
            0
        }
    }

    #[test]
    fn a_reentrant_call_finds_nothing_and_changes_nothing() {
        let current = CurrentSpans::<Here, 2, Porous>::new();
        let context = |id| SpanContext::new(TraceId::new(1), SpanId::new(id), Flags::SAMPLED);
        let _entered = current.enter(context(1));
        current.table.with(|_| {
            assert_eq!(current.to_context(), None);
            drop(current.enter(context(2)));
        });
        assert_eq!(current.to_context(), Some(context(1)));
        assert_eq!(current.missed(), 3);
    }
}

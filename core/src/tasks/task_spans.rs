//! A span for each poll of an executor's tasks.

use core::fmt;

use crate::raw_mutex::{Guarded, Interrupts, RawMutex};
use crate::record::Timestamp;
use crate::span::{AreaSize, StackSpan};
use crate::tags::TASK_READY;
use crate::tasks::CurrentTable;
use crate::tasks::current::Restore;
use crate::time::Clock;
use crate::tracer::{Platform, Ring, SpanRing, Tracer};

/// The bytes of [`TASK_READY`].
const AREA: usize = AreaSize::new().number().bytes();

/// Makes a span of each poll of an executor's tasks, those that have a name: a root that is current
/// meanwhile, with the time between wake-up and poll as the tag [`TASK_READY`].
///
/// Names are the filter. A task without one has no spans, and so must be the reporter's: each packet
/// would hold the span of its own sending, and lead to the next one. Where tasks are polled more often than is
/// worth a span, the tracer's sampler is asked by name, as for every root.
///
/// `N` is the number of tasks with a name, `M` of executors whose polls interrupt each other. An
/// executor calls [`ready`](TaskSpans::ready), [`poll_begins`](TaskSpans::poll_begins),
/// [`poll_ends`](TaskSpans::poll_ends) and [`ended`](TaskSpans::ended) from its hooks, with any numbers that
/// are its own and a task's own. `X` is the mutex, which is never held for a copy of a span. For embassy's, the feature `embassy-executor-010` has a macro that does all this.
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
/// # struct CortexM;
/// # impl picojaeger_core::Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// use picojaeger_core::{CurrentSpans, TaskSpans, ToContext};
///
/// static CURRENT: CurrentSpans<CortexM, 4> = CurrentSpans::new();
/// static TASKS: TaskSpans<(Timer, Const), 8> = TaskSpans::new(&TRACER, &CURRENT);
///
/// TASKS.spawned(1, "blink");
/// TASKS.ready(1);
/// TASKS.poll_begins(0, 1);
/// assert!(CURRENT.to_context().is_some()); // the parent of spans that start in this poll
/// TASKS.poll_ends(0);
/// assert_eq!((TRACER.stats().queued, CURRENT.to_context()), (1, None));
/// ```
pub struct TaskSpans<P, const N: usize, const M: usize = 1, R = Ring, X = Interrupts>
where
    P: Platform,
    R: SpanRing + ?Sized,
{
    tracer: &'static Tracer<P, R>,
    current: &'static dyn CurrentTable,
    state: Guarded<X, State<N, M>>,
    polls: [Guarded<Claimed, Option<OpenPoll<P, R>>>; M],
}

struct State<const N: usize, const M: usize> {
    tasks: [Task; N],
    places: [Place; M],
    missed: usize,
}

/// The state of a place for a poll.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    /// One call fills or empties it.
    Busy,
    /// It holds the poll of this executor.
    Open(u32),
}

/// The mutex of the poll in a place: none, so that nothing is masked while a span is copied.
struct Claimed;

// SAFETY: the polls are private to this file, and each is reached only by the call that made its place busy. That
// was free or open before, and is again when the call is done with the poll: all under the mutex of the places, so no two
// calls have one place, and the next one sees what the last one wrote.
unsafe impl RawMutex for Claimed {
    const INIT: Self = Claimed;

    #[inline(always)]
    fn lock<T>(&self, f: impl FnOnce() -> T) -> T {
        f()
    }
}

/// A task with a name.
#[derive(Clone, Copy)]
struct Task {
    id: u32,
    /// How many spawns have not ended. A storage may be spawned again before the hook tells of its end.
    spawns: u32,
    name: &'static str,
    /// Since when it waits, in ticks.
    ready: Option<u64>,
}

/// A poll that goes on. Its fields are dropped in this order.
struct OpenPoll<P: Platform, R: SpanRing + ?Sized> {
    _current: Restore<'static, dyn CurrentTable>,
    _span: StackSpan<'static, P, AREA, R>,
}

impl<P, const N: usize, const M: usize, R, X> TaskSpans<P, N, M, R, X>
where
    P: Platform,
    R: SpanRing + ?Sized,
    X: RawMutex,
{
    /// Makes a table without tasks, whose spans this tracer starts and which are current in that table.
    pub const fn new(tracer: &'static Tracer<P, R>, current: &'static dyn CurrentTable) -> Self {
        TaskSpans {
            tracer,
            current,
            state: Guarded::new(State {
                tasks: [Task::NONE; N],
                places: [Place::Free; M],
                missed: 0,
            }),
            polls: [const { Guarded::new(None) }; M],
        }
    }

    /// Gives a name to a task that is spawned now, which has spans from then on and until it ends. Call
    /// it for each spawn, once and before that.
    pub fn spawned(&self, task: u32, name: &'static str) {
        self.state.with(|state| state.add(task, name));
    }

    /// Takes note that a task was woken, and waits for its poll.
    pub fn ready(&self, task: u32) {
        let now = self.tracer.now();
        self.state.with(|state| {
            if let Some(task) = state.task(task)
                && task.ready.is_none()
            {
                task.ready = now;
            }
        });
    }

    /// Starts the span of a poll by an executor, and makes it current here.
    pub fn poll_begins(&self, executor: u32, task: u32) {
        let claimed = self.state.with(|state| state.claim(task)).flatten();
        let Some((place, name, ready)) = claimed else {
            return;
        };
        self.with_poll(place, |poll| {
            let mut span = self.tracer.start::<AREA>(name);
            self.tag_ready(&mut span, ready);
            *poll = Some(OpenPoll {
                _current: Restore::enter(self.current, Some(span.context())),
                _span: span,
            });
        });
        self.state
            .with(|state| state.set(place, Place::Open(executor)));
    }

    /// Finishes the span of an executor's poll.
    pub fn poll_ends(&self, executor: u32) {
        let claimed = self
            .state
            .with(|state| state.claim_open(executor))
            .flatten();
        if let Some(place) = claimed {
            self.with_poll(place, |poll| *poll = None);
            self.state.with(|state| state.set(place, Place::Free));
        }
    }

    /// Runs `f` on the poll in a place that the caller made busy.
    fn with_poll(&self, place: usize, f: impl FnOnce(&mut Option<OpenPoll<P, R>>)) {
        if let Some(poll) = self.polls.get(place) {
            poll.with(f);
        }
    }

    /// Takes note that a task ended, possibly within its last poll.
    pub fn ended(&self, task: u32) {
        self.state.with(|state| {
            if let Some(task) = state.task(task) {
                task.spawns = task.spawns.saturating_sub(1);
                task.ready = None;
            }
        });
    }

    /// Returns how many names and polls found no room, or came in a re-entrant call: they had no spans.
    pub fn missed(&self) -> usize {
        let missed = self.state.with(|state| state.missed).unwrap_or_default();
        missed.wrapping_add(self.state.refused())
    }

    fn tag_ready(&self, span: &mut StackSpan<'static, P, AREA, R>, ready: Option<u64>) {
        if let Some(ready) = ready
            && span.is_writable()
            && let Timestamp::Ticks(start) = span.record().start()
        {
            let waited = start.saturating_sub(ready).saturating_mul(1_000_000);
            let frequency = self.tracer.platform().clock().frequency();
            span.tag(TASK_READY, waited.checked_div(frequency).unwrap_or(0));
        }
    }
}

impl<P, const N: usize, const M: usize, R, X> fmt::Debug for TaskSpans<P, N, M, R, X>
where
    P: Platform,
    R: SpanRing + ?Sized,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSpans").finish_non_exhaustive()
    }
}

impl<const N: usize, const M: usize> State<N, M> {
    /// Returns a task that was spawned with a name and has not ended.
    fn task(&mut self, id: u32) -> Option<&mut Task> {
        let mut tasks = self.tasks.iter_mut();
        tasks.find(|task| task.id == id && task.spawns > 0)
    }

    fn add(&mut self, id: u32, name: &'static str) {
        let spawned = Task {
            id,
            spawns: 1,
            name,
            ready: None,
        };
        if let Some(again) = self.task(id) {
            let spawns = again.spawns.saturating_add(1);
            *again = Task { spawns, ..spawned };
        } else if let Some(free) = self.tasks.iter_mut().find(|task| task.spawns == 0) {
            *free = spawned;
        } else {
            self.missed = self.missed.wrapping_add(1);
        }
    }

    /// Makes a free place busy for a poll that may have a span; returns it, the task's name and its wake-up.
    fn claim(&mut self, id: u32) -> Option<(usize, &'static str, Option<u64>)> {
        let task = self.task(id)?;
        let (name, ready) = (task.name, task.ready.take());
        let Some(place) = self.make_busy(Place::Free) else {
            self.missed = self.missed.wrapping_add(1);
            return None;
        };
        Some((place, name, ready))
    }

    /// Makes the place of an executor's poll busy, and returns it.
    fn claim_open(&mut self, executor: u32) -> Option<usize> {
        self.make_busy(Place::Open(executor))
    }

    fn make_busy(&mut self, from: Place) -> Option<usize> {
        let place = self.places.iter().position(|place| *place == from)?;
        self.set(place, Place::Busy);
        Some(place)
    }

    fn set(&mut self, place: usize, to: Place) {
        if let Some(place) = self.places.get_mut(place) {
            *place = to;
        }
    }
}

impl Task {
    const NONE: Self = Task {
        id: 0,
        spawns: 0,
        name: "",
        ready: None,
    };
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};
    use std::vec::Vec;

    use super::*;
    use crate::context::ToContext;
    use crate::raw_mutex::tests::Porous;
    use crate::tasks::tests::{Spans, TestRing, Timer, interrupt, names, tracer};
    use crate::{Const, SpanId};

    type Tasks<const N: usize, const M: usize> = TaskSpans<(Timer, Const), N, M>;

    #[test]
    fn tasks_without_a_name_and_polls_after_the_end_have_no_spans() {
        static CURRENT: Spans<1> = Spans::new();
        let (tracer, mut read) = tracer!();
        let tasks = Tasks::<1, 1>::new(tracer, &CURRENT);
        let poll = |id| {
            tasks.ready(id);
            tasks.poll_begins(0, id);
            let current = CURRENT.to_context();
            tasks.poll_ends(0);
            current.map(|context| context.span_id())
        };
        tasks.spawned(1, "one");
        assert_eq!(poll(2), None);
        let span = poll(1).unwrap();
        assert_eq!(read(), [("one".into(), span, SpanId::default())]);
        tasks.ended(1);
        assert_eq!((poll(1), tasks.missed()), (None, 0));

        // The place is another task's now.
        tasks.spawned(3, "three");
        assert!(poll(3).is_some() && poll(1).is_none());
        assert_eq!(names(&read()), ["three"]);
    }

    #[test]
    fn a_task_that_is_spawned_again_before_its_end_is_known_keeps_its_spans() {
        static CURRENT: Spans<1> = Spans::new();
        let (tracer, mut read) = tracer!();
        let tasks = Tasks::<2, 1>::new(tracer, &CURRENT);
        tasks.spawned(1, "old");
        tasks.poll_begins(0, 1);
        tasks.spawned(1, "new"); // by an interrupt, behind the last step of the old one
        tasks.ended(1);
        tasks.poll_ends(0);
        tasks.poll_begins(0, 1);
        tasks.poll_ends(0);
        assert_eq!(names(&read()), ["old", "new"]);
        tasks.ended(1);
        tasks.poll_begins(0, 1);
        assert_eq!((read(), CURRENT.to_context()), (Vec::new(), None));
    }

    /// A clock of 1 MHz that a test sets.
    struct Passing;

    static NOW: AtomicU64 = AtomicU64::new(0);

    impl Clock for Passing {
        const BITS: u32 = 32;
        fn ticks(&self) -> u64 {
            NOW.load(Ordering::Relaxed)
        }
        fn frequency(&self) -> u64 {
            1_000_000
        }
    }

    #[test]
    fn each_poll_has_waited_since_the_first_time_that_its_task_was_ready() {
        static CURRENT: Spans<1> = Spans::new();
        static RING: TestRing = Ring::new();
        static TRACER: Tracer<(Passing, Const)> = Tracer::new((Passing, Const(true)), &RING);
        TRACER.seed(crate::Seed::from_words([1, 2, 3]));
        let tasks = TaskSpans::<_, 1>::new(&TRACER, &CURRENT);
        let at = |now| {
            NOW.store(now, Ordering::Relaxed);
            &tasks
        };
        tasks.spawned(1, "one");
        at(10).ready(1);
        at(20).ready(1);
        at(25).poll_begins(0, 1);
        at(26).ready(1); // within its poll
        at(27).poll_ends(0);
        at(30).poll_begins(0, 1);
        at(31).poll_ends(0);
        at(40).poll_begins(0, 1); // nobody has woken it
        at(41).poll_ends(0);
        let (mut consumer, mut waits) = (RING.consumer().unwrap(), Vec::new());
        while let Some(record) = consumer.peek() {
            let tag = record.tags().find(|tag| tag.key == TASK_READY);
            waits.push(tag.map(|tag| std::format!("{:?}", tag.value)));
            consumer.advance();
        }
        let waits: Vec<_> = waits.iter().map(Option::as_deref).collect();
        assert_eq!(waits, [Some("U64(15)"), Some("U64(4)"), None]);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        static CURRENT: Spans<2> = Spans::new();
        let (tracer, mut read) = tracer!();
        let tasks = Tasks::<2, 1>::new(tracer, &CURRENT);
        for (id, name) in [(1, "one"), (2, "two"), (3, "three")] {
            tasks.spawned(id, name);
        }
        assert_eq!(tasks.missed(), 1);
        tasks.poll_begins(0, 1);
        interrupt(16, || {
            tasks.poll_begins(16, 2); // there is room for one poll
            assert_eq!(CURRENT.to_context(), None);
            tasks.poll_ends(16);
        });
        tasks.poll_ends(0);
        assert_eq!((names(&read()), tasks.missed()), (std::vec!["one"], 2));
    }

    #[test]
    fn a_poll_between_two_steps_of_another_one_ends_before_it() {
        static CURRENT: Spans<2> = Spans::new();
        let (tracer, mut read) = tracer!();
        let tasks = Tasks::<2, 2>::new(tracer, &CURRENT);
        tasks.spawned(1, "one");
        tasks.spawned(2, "two");
        tasks.poll_begins(0, 1);
        let one = CURRENT.to_context();
        interrupt(16, || {
            tasks.poll_begins(16, 2);
            assert!(CURRENT.to_context().is_some() && CURRENT.to_context() != one);
            tasks.poll_ends(16);
        });
        assert_eq!(CURRENT.to_context(), one);
        tasks.poll_ends(0);
        assert_eq!(names(&read()), ["two", "one"]);
    }

    #[test]
    fn a_reentrant_call_is_refused_and_the_span_current_before_comes_back() {
        static CURRENT: Spans<1> = Spans::new();
        let (tracer, mut read) = tracer!();
        let tasks = TaskSpans::<_, 1, 1, _, Porous>::new(tracer, &CURRENT);
        tasks.spawned(1, "one");
        tasks.state.with(|_| {
            tasks.poll_begins(0, 1);
            tasks.poll_ends(0);
        });
        assert_eq!((read(), tasks.missed()), (Vec::new(), 2));
        let outer = tracer.start::<0>("main");
        let _entered = CURRENT.enter(&outer);
        tasks.poll_begins(0, 1);
        tasks.poll_ends(0);
        assert_eq!(CURRENT.to_context(), Some(outer.context()));
        assert_eq!(names(&read()), ["one"]);
    }
}

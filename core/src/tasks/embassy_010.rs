//! The hooks of embassy's executor, version 0.10, as its module `raw::trace` declares them.
//!
//! They are found by name when the program is linked, so nothing compares their signatures; those
//! of another version may differ. The type of [`TaskSpans::named`]'s token is of version 0.10, so
//! that a program with another version does not compile.

use embassy_executor::SpawnToken;

use crate::raw_mutex::RawMutex;
use crate::tasks::TaskSpans;
use crate::tracer::{Platform, SpanRing};

/// Defines the trace hooks of embassy-executor 0.10, all of them, by a `static` of [`TaskSpans`]; once in
/// a program.
///
/// The feature `embassy-executor-010` turns on embassy's feature `trace`. It tells tasks by the addresses of
/// their storage, so they are named as they are spawned:
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
/// # #[unsafe(export_name = "__pender")]
/// # fn pender(_: *mut ()) {}
/// use embassy_executor::Spawner;
/// use picojaeger_core::{CurrentSpans, TaskSpans, embassy_trace_hooks};
///
/// static CURRENT: CurrentSpans<CortexM, 4> = CurrentSpans::new();
/// static TASKS: TaskSpans<(Timer, Const), 8> = TaskSpans::new(&TRACER, &CURRENT);
/// embassy_trace_hooks!(TASKS);
///
/// #[embassy_executor::task]
/// async fn blink() {}
///
/// #[embassy_executor::task]
/// async fn report() {} // its polls must have no spans, or there is no end of them
///
/// fn start(spawner: Spawner) {
///     spawner.spawn(TASKS.named("blink", blink().unwrap()));
///     spawner.spawn(report().unwrap());
/// }
/// # let executor = Box::leak(Box::new(embassy_executor::raw::Executor::new(core::ptr::null_mut())));
/// # start(executor.spawner());
/// # unsafe { executor.poll() };
/// # assert_eq!(TRACER.stats().queued, 1);
/// ```
#[macro_export]
macro_rules! embassy_trace_hooks {
    ($tasks:path) => {
        const _: () = {
            #[unsafe(no_mangle)]
            fn _embassy_trace_poll_start(_executor: u32) {}
            #[unsafe(no_mangle)]
            fn _embassy_trace_executor_idle(_executor: u32) {}
            #[unsafe(no_mangle)]
            fn _embassy_trace_task_new(_executor: u32, _task: u32) {}
            #[unsafe(no_mangle)]
            fn _embassy_trace_task_ready_begin(_executor: u32, task: u32) {
                $tasks.ready(task);
            }
            #[unsafe(no_mangle)]
            fn _embassy_trace_task_exec_begin(executor: u32, task: u32) {
                $tasks.poll_begins(executor, task);
            }
            #[unsafe(no_mangle)]
            fn _embassy_trace_task_exec_end(executor: u32, _task: u32) {
                $tasks.poll_ends(executor);
            }
            #[unsafe(no_mangle)]
            fn _embassy_trace_task_end(_executor: u32, task: u32) {
                $tasks.ended(task);
            }
        };
    };
}

impl<P, const N: usize, const M: usize, R, X> TaskSpans<P, N, M, R, X>
where
    P: Platform,
    R: SpanRing + ?Sized,
    X: RawMutex,
{
    /// Gives a name to a task of embassy's, which is to be spawned with the token that this returns; see
    /// [`embassy_trace_hooks`](crate::embassy_trace_hooks).
    pub fn named<S>(&self, name: &'static str, token: SpawnToken<S>) -> SpawnToken<S> {
        self.spawned(token.id(), name);
        token
    }
}

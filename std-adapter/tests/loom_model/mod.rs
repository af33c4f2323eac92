//! What the adapter's loom models share: loom's primitives, a thread's sleep, the faults that can
//! be put into a model, and the exploration.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8 as Plain, AtomicUsize as Count, Ordering::Relaxed};

use loom::model::Builder;
use loom::sync::{Condvar, Mutex};

/// Loom's primitives in place of the system's.
pub(crate) mod sys {
    pub(crate) mod sync {
        #[allow(unused_imports, reason = "each test uses some of them")]
        pub(crate) use loom::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize,
        };
        pub(crate) use loom::sync::atomic::{Ordering, fence};
        pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

        use std::time::Duration;

        use crate::loom_model::{Weakness, is_weak};

        /// The version of a name, which may be ignored.
        #[allow(dead_code, reason = "one test's own")]
        #[derive(Debug)]
        pub(crate) struct AtomicVersion(AtomicU64);

        #[allow(dead_code, reason = "one test's own")]
        impl AtomicVersion {
            pub(crate) fn new(version: u64) -> Self {
                AtomicVersion(AtomicU64::new(version))
            }

            pub(crate) fn load(&self, order: Ordering) -> u64 {
                let version = self.0.load(order);
                if is_weak(Weakness::NoVersion) {
                    0
                } else {
                    version
                }
            }

            pub(crate) fn store(&self, version: u64, order: Ordering) {
                self.0.store(version, order);
            }
        }

        /// The flag of a lock, whose release and whose take may order nothing.
        #[allow(dead_code, reason = "one test's own")]
        #[derive(Debug, Default)]
        pub(crate) struct AtomicHeld(AtomicBool);

        #[allow(dead_code, reason = "one test's own")]
        impl AtomicHeld {
            pub(crate) fn load(&self, order: Ordering) -> bool {
                self.0.load(order)
            }

            pub(crate) fn compare_exchange(
                &self,
                before: bool,
                after: bool,
                order: Ordering,
                otherwise: Ordering,
            ) -> Result<bool, bool> {
                let order = match is_weak(Weakness::UnorderedTake) {
                    true => Ordering::Relaxed,
                    false => order,
                };
                self.0.compare_exchange(before, after, order, otherwise)
            }

            pub(crate) fn store(&self, is_held: bool, order: Ordering) {
                match is_weak(Weakness::UnorderedRelease) {
                    true => self.0.store(is_held, Ordering::Relaxed),
                    false => self.0.store(is_held, order),
                }
            }
        }

        /// Lets the other threads run.
        #[allow(dead_code, reason = "one test's own")]
        pub(crate) fn pause(_: u32) {
            loom::thread::yield_now();
        }

        pub(crate) fn light_fence() {
            if !is_weak(Weakness::NoFence) {
                fence(Ordering::SeqCst);
            }
        }

        pub(crate) fn heavy_fence() {
            fence(Ordering::SeqCst);
        }

        pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
            mutex.lock().unwrap()
        }

        /// Waits without a time-out, so that a missing completion is a deadlock.
        pub(crate) fn wait_while<'g, T>(
            changed: &Condvar,
            mut guard: MutexGuard<'g, T>,
            _: Duration,
            condition: impl Fn(&T) -> bool,
        ) -> MutexGuard<'g, T> {
            while condition(&guard) {
                guard = changed.wait(guard).unwrap();
            }
            guard
        }
    }
}

/// Faults that can be put into a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "each test puts some of them into its models")]
pub(crate) enum Weakness {
    /// The producer reads the state without a fence behind its push.
    NoFence = 1,
    /// The worker parks without a second look at the heads.
    NoSecondLook,
    /// The worker reads the tickets when it has read the heads already.
    TicketsAfterHeads,
    /// The worker sees the close, but not what was pushed before it.
    CloseUnordered,
    /// The exporter remembers that a ring was empty from before it finds the producing end back.
    EarlyBacklog,
    /// A thread returns its ring before its last push.
    EarlyReturn,
    /// A ring's reader is registered only after the first push.
    LateReader,
    /// A thread that ends wakes nobody to take its ring.
    NoWakeAtEnd,
    /// The reader of a name looks at no version.
    NoVersion,
    /// A lock is released without an order.
    UnorderedRelease,
    /// A lock is taken without an order.
    UnorderedTake,
}

static WEAKNESS: Plain = Plain::new(0);

pub(crate) fn is_weak(weakness: Weakness) -> bool {
    WEAKNESS.load(Relaxed) == weakness as u8
}

/// The token that `unpark` leaves for `park`.
pub(crate) struct Token {
    is_there: Mutex<bool>,
    unparked: Condvar,
}

impl Token {
    pub(crate) fn new() -> Self {
        Token {
            is_there: Mutex::new(false),
            unparked: Condvar::new(),
        }
    }

    pub(crate) fn unpark(&self) {
        *self.is_there.lock().unwrap() = true;
        self.unparked.notify_one();
    }

    /// Takes the token, and unless there is a time-out waits for it. A time-out may expire at any
    /// moment, so here it expires at once.
    pub(crate) fn park(&self, has_timeout: bool) {
        let mut is_there = self.is_there.lock().unwrap();
        while !has_timeout && !*is_there {
            is_there = self.unparked.wait(is_there).unwrap();
        }
        *is_there = false;
    }
}

/// A model, and the weaknesses under which it fails.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    /// Runs once for each execution; returns the number of records, rings or names that the other thread took
    /// before the thread was done.
    pub(crate) run: fn() -> usize,
    /// Bound on preemptions, since every interleaving would take over a minute.
    pub(crate) preemptions: Option<usize>,
    /// Smallest number of executions, so that a model does not shrink unnoticed.
    pub(crate) executions: usize,
    pub(crate) fails_under: &'static [(Weakness, &'static str)],
}

impl Model {
    pub(crate) fn check(&self) {
        // The weakness is a static of the process, so models run one at a time.
        static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(|poison| poison.into_inner());
        let (executions, early) = self.explore();
        println!(
            "{}: {executions} executions, {early} taken early",
            self.name
        );
        assert!(early > 0, "the other thread was never first");
        let least = self.executions;
        assert!(executions >= least, "{executions} of {least} executions");
        for (weakness, expected) in self.fails_under {
            let message = self.failure(*weakness);
            println!("{}: {weakness:?} fails: {message}", self.name);
            assert!(message.contains(expected), "{message}");
        }
    }

    fn explore(&self) -> (usize, usize) {
        let seen = Arc::new((Count::new(0), Count::new(0)));
        let (counts, run) = (seen.clone(), self.run);
        let mut builder = Builder::new();
        builder.preemption_bound = self.preemptions;
        builder.max_branches = 10_000;
        builder.check(move || {
            counts.1.fetch_add(run(), Relaxed);
            counts.0.fetch_add(1, Relaxed);
        });
        (seen.0.load(Relaxed), seen.1.load(Relaxed))
    }

    /// Returns loom's message about the model with this weakness.
    fn failure(&self, weakness: Weakness) -> String {
        WEAKNESS.store(weakness as u8, Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.explore()));
        WEAKNESS.store(0, Relaxed);
        let Err(panic) = outcome else {
            panic!("{} passes under {weakness:?}", self.name);
        };
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref().map(|text: &&str| text.to_string()));
        let text = text.unwrap_or_default();
        text.lines().next().unwrap_or_default().to_string()
    }
}

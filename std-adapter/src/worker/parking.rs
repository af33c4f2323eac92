//! The worker's sleep, its wake-up by producers, and the completion of flushes.
//!
//! Independent of everything else, so that a loom model can run the same code: the system's
//! primitives come from `crate::sys::sync`, the worker's actions through [`Work`].

use std::time::Duration;

use crate::sys::sync::{self, AtomicU8, AtomicU64, Condvar, Mutex, Ordering};

/// No record waits, and the worker is parked without a time-out, or not started yet.
const IDLE: u8 = 0;
/// Records wait, and the worker is parked for a time.
const TIMED: u8 = 1;
/// The same, until a batch is full.
const FILLING: u8 = 2;
/// The worker is running, or about to, or waits for an event that wakes it; or none is allowed.
const AWAKE: u8 = 3;

/// The urgency of a push; each wakes the worker from one state more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Urgency {
    /// A record waits.
    Low = IDLE,
    /// A ring is half full.
    Half = TIMED,
    /// A ring was full, or rings are short of memory, or threads share one.
    Full = FILLING,
}

/// The worker's state of sleep.
pub(crate) struct Parking {
    state: AtomicU8,
}

/// Tickets of flushes: a flush takes a number and waits until it is completed.
pub(crate) struct Tickets {
    taken: AtomicU64,
    completed: Mutex<u64>,
    changed: Condvar,
}

/// The worker's actions.
pub(crate) trait Work {
    /// Returns whether to end once everything is sent; pushes before the close are visible then
    /// (Acquire).
    fn is_closed(&self) -> bool;

    /// Sends the records that are due, or with `flush` all that finished before this call.
    fn pass(&self, flush: bool) -> Pass;

    /// Returns whether any record waits.
    fn holds(&self) -> bool;

    /// Waits to be woken, or for a time; may return spuriously.
    fn park(&self, timeout: Option<Duration>);

    /// Called when no record is left and the worker ends.
    fn drained(&self);
}

/// Result of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Whether every record that the pass was to send has its outcome.
    pub(crate) complete: bool,
    pub(crate) rest: Rest,
}

/// Next step after a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rest {
    /// No record waits.
    Nothing,
    /// Only copies for further transports wait, which look again after this time.
    Copies(Duration),
    /// Records wait that are not due yet.
    Held(Duration),
    /// The same, and a ring that is half full makes none due.
    Filling(Duration),
    /// Records may be due again.
    More,
    /// Records cannot be sent now. The event that changes this wakes the worker, which also tries
    /// again after this time; new records change nothing.
    Stuck(Duration),
}

impl Parking {
    pub(crate) fn new() -> Self {
        Parking {
            state: AtomicU8::new(IDLE),
        }
    }

    /// Returns whether the worker has to be woken; called by a producer after each push.
    #[inline(always)]
    pub(crate) fn needs_wake(&self, urgency: Urgency) -> bool {
        // Orders the push before the load, against the heavy fence in `rest` between the store of
        // IDLE and the second look: either the worker sees the record or this sees IDLE.
        sync::light_fence();
        self.state.load(Ordering::Relaxed) <= urgency as u8
    }

    /// Marks the worker as awake; called before it is woken, so that no other thread wakes it too.
    pub(crate) fn mark_awake(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Marks that the worker could not be started, so that the next push calls for it again.
    pub(crate) fn mark_idle(&self) {
        self.state.store(IDLE, Ordering::SeqCst);
    }
}

impl Tickets {
    pub(crate) fn new() -> Self {
        Tickets {
            taken: AtomicU64::new(0),
            completed: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// Takes a number; the caller has to wake the worker afterwards.
    pub(crate) fn take(&self) -> u64 {
        self.taken.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Waits for the ticket at most this long; returns whether it is completed.
    pub(crate) fn wait(&self, ticket: u64, timeout: Duration) -> bool {
        let completed = sync::lock(&self.completed);
        let pending = |completed: &u64| *completed < ticket;
        *sync::wait_while(&self.changed, completed, timeout, pending) >= ticket
    }

    fn complete(&self, ticket: u64) {
        let mut completed = sync::lock(&self.completed);
        *completed = ticket.max(*completed);
        drop(completed);
        self.changed.notify_all();
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        sync::hold(&self.completed, f);
    }
}

/// Runs the worker: passes, and sleep between them, until it is closed.
pub(crate) fn run(work: &impl Work, parking: &Parking, tickets: &Tickets) {
    let mut completed = 0;
    loop {
        parking.mark_awake();
        let closing = work.is_closed();
        // Read before the pass: spans may finish during it, and a ticket taken after them must
        // wait for the next pass.
        let taken = tickets.taken.load(Ordering::SeqCst);
        let pass = work.pass(taken != completed || closing);
        if pass.complete && closing {
            work.drained();
            // Completes the tickets that are still to be taken, too.
            return tickets.complete(u64::MAX);
        }
        if pass.complete && taken != completed {
            completed = taken;
            tickets.complete(taken);
        }
        rest(work, parking, pass.rest);
    }
}

/// Sleeps as long as the pass allows, and announces it to the producers.
fn rest(work: &impl Work, parking: &Parking, rest: Rest) {
    match rest {
        Rest::More => {}
        Rest::Stuck(wait) => work.park(Some(wait)),
        Rest::Held(wait) => doze(work, parking, TIMED, wait),
        Rest::Filling(wait) => doze(work, parking, FILLING, wait),
        Rest::Nothing => idle(work, parking, None),
        Rest::Copies(wait) => idle(work, parking, Some(wait)),
    }
}

/// Sleeps for a time, or until a push that is urgent enough for the state.
fn doze(work: &impl Work, parking: &Parking, state: u8, wait: Duration) {
    parking.state.store(state, Ordering::SeqCst);
    work.park(Some(wait));
}

/// Sleeps until any record comes, or for a time.
fn idle(work: &impl Work, parking: &Parking, timeout: Option<Duration>) {
    parking.state.store(IDLE, Ordering::SeqCst);
    sync::heavy_fence();
    // A second look, since a push may have seen AWAKE and woken nobody. A close or a flush wakes in
    // any state.
    if !work.holds() {
        work.park(timeout);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Work with scripted passes and looks, which records each sleep.
    struct Script<'s> {
        tickets: &'s Tickets,
        passes: RefCell<Vec<Rest>>,
        looks: RefCell<Vec<bool>>,
        slept: RefCell<Vec<Option<Duration>>>,
        /// For each pass, whether it flushes and whether ticket 2 is completed before it.
        flushed: RefCell<Vec<(bool, bool)>>,
        /// The pass during which a ticket is taken, from 1.
        taken_in: usize,
        drained: Cell<bool>,
    }

    impl<'s> Script<'s> {
        /// Takes passes and looks in reverse; closed once no pass is left.
        fn new(tickets: &'s Tickets, passes: &[Rest], looks: &[bool]) -> Self {
            Script {
                tickets,
                passes: RefCell::new(passes.to_vec()),
                looks: RefCell::new(looks.to_vec()),
                slept: RefCell::default(),
                flushed: RefCell::default(),
                taken_in: 0,
                drained: Cell::new(false),
            }
        }

        fn run(&self) {
            run(self, &Parking::new(), self.tickets);
            assert!(self.drained.get());
        }
    }

    impl Work for Script<'_> {
        fn is_closed(&self) -> bool {
            self.passes.borrow().is_empty()
        }

        fn pass(&self, flush: bool) -> Pass {
            let completed = self.tickets.wait(2, Duration::ZERO);
            self.flushed.borrow_mut().push((flush, completed));
            if self.flushed.borrow().len() == self.taken_in {
                self.tickets.take();
            }
            Pass {
                complete: true,
                rest: self.passes.borrow_mut().pop().unwrap_or(Rest::Nothing),
            }
        }

        fn holds(&self) -> bool {
            self.looks.borrow_mut().pop().unwrap_or(false)
        }

        fn park(&self, timeout: Option<Duration>) {
            self.slept.borrow_mut().push(timeout);
        }

        fn drained(&self) {
            self.drained.set(true);
        }
    }

    const WAIT: Duration = Duration::from_millis(7);

    #[test]
    fn a_record_that_comes_before_idle_keeps_the_worker_awake() {
        let tickets = Tickets::new();
        let work = Script::new(&tickets, &[Rest::Nothing, Rest::Nothing], &[false, true]);
        work.run();
        assert_eq!(*work.slept.borrow(), [None], "only once nothing came");
    }

    #[test]
    fn each_rest_has_its_sleep() {
        let tickets = Tickets::new();
        let passes = [
            Rest::Copies(WAIT * 4),
            Rest::Stuck(WAIT * 3),
            Rest::Filling(WAIT * 2),
            Rest::Held(WAIT),
            Rest::More,
        ];
        let work = Script::new(&tickets, &passes, &[]);
        work.run();
        let expected = [1, 2, 3, 4].map(|times| Some(WAIT * times));
        assert_eq!(*work.slept.borrow(), expected);
    }

    #[test]
    fn a_ticket_taken_during_a_pass_is_completed_by_the_next() {
        let tickets = Tickets::new();
        tickets.take();
        let mut work = Script::new(&tickets, &[Rest::More, Rest::More, Rest::More], &[]);
        work.taken_in = 1;
        work.run();
        let expected = [(true, false), (true, false), (false, true), (true, true)];
        assert_eq!(*work.flushed.borrow(), expected);
    }

    #[test]
    fn a_push_wakes_a_sleeping_worker() {
        let parking = Parking::new();
        let wanted = || {
            [Urgency::Low, Urgency::Half, Urgency::Full].map(|urgency| parking.needs_wake(urgency))
        };
        assert_eq!(wanted(), [true, true, true], "idle");
        parking.state.store(TIMED, Ordering::SeqCst);
        assert_eq!(wanted(), [false, true, true], "timed");
        parking.state.store(FILLING, Ordering::SeqCst);
        assert_eq!(wanted(), [false, false, true], "filling");
        parking.mark_awake();
        assert_eq!(wanted(), [false, false, false], "awake");
    }
}

//! A counter that tasks wait for.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};

use cortex_m::interrupt::{self, Mutex};

/// Counts what interrupts and tasks give, for one task that takes it.
pub struct Signal {
    given: Mutex<Cell<u32>>,
    waiting: Mutex<RefCell<Option<Waker>>>,
}

impl Signal {
    /// Makes a counter at 0.
    pub const fn new() -> Self {
        Signal {
            given: Mutex::new(Cell::new(0)),
            waiting: Mutex::new(RefCell::new(None)),
        }
    }

    /// Adds 1, and wakes the task that waits.
    pub fn give(&self) {
        let waker = interrupt::free(|section| {
            let given = self.given.borrow(section);
            given.set(given.get().wrapping_add(1));
            self.waiting.borrow(section).take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes 1, and waits for it.
    pub async fn take(&self) {
        poll_fn(|context| {
            interrupt::free(|section| {
                let given = self.given.borrow(section);
                if let Some(left) = given.get().checked_sub(1) {
                    given.set(left);
                    return Poll::Ready(());
                }
                *self.waiting.borrow(section).borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            })
        })
        .await;
    }
}

//! Faults that a backend is told to have.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::sys::sync::lock;

/// A fault at one request over HTTP, for [`MockBackend::fail_next`](super::MockBackend::fail_next).
///
/// Only after [`Fault::Delay`] the request is served: in all other cases its spans are not kept.
///
/// ```
/// use picojaeger_std::testing::{Fault, Gate};
///
/// let gate = Gate::closed();
/// let faults = [Fault::Status(503), Fault::Delay(gate.clone()), Fault::CloseConnection];
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Answers this status, without a body.
    Status(u16),
    /// Answers these bytes, HTTP or not, and closes the connection.
    Answer(Vec<u8>),
    /// Closes the connection without an answer.
    CloseConnection,
    /// Waits until the gate is open, and serves the request then.
    Delay(Gate),
}

/// A gate that a backend waits at; a handle, whose clones are the same gate.
///
/// ```
/// use picojaeger_std::testing::Gate;
///
/// let gate = Gate::closed();
/// let waiting = std::thread::spawn({
///     let gate = gate.clone();
///     move || gate.wait()
/// });
/// gate.open();
/// waiting.join().unwrap();
/// ```
#[derive(Clone)]
pub struct Gate {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// Makes a gate that is closed.
    pub fn closed() -> Self {
        Gate {
            state: Arc::new((Mutex::new(false), Condvar::new())),
        }
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        let (is_open, opened) = &*self.state;
        *lock(is_open) = true;
        opened.notify_all();
    }

    /// Waits until the gate is open.
    pub fn wait(&self) {
        let (is_open, opened) = &*self.state;
        let waited = opened.wait_while(lock(is_open), |is_open| !*is_open);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("is_open", &*lock(&self.state.0))
            .finish()
    }
}

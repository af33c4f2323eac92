//! The handle that the clones of a tracer share.

use std::sync::Arc;

use log::Level;

use crate::state::{TracerState, at_exit};
use crate::sys::log::log_guarded;
use crate::tracer::lifecycle;
use crate::worker::is_worker;

/// Closes the tracer when the last of its clones is dropped.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<TracerState>);

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.is_of_parent() {
            // The parent's state is leaked as it was at the fork, with its locks and its worker's
            // handle.
            std::mem::forget(self.0.clone());
        }
        if let Some(state) = self.0.present().filter(|state| !state.is_closed()) {
            let complete = lifecycle::close(state, at_exit::LAST_FLUSH);
            // A worker cannot wait for itself: it sends the queued spans when it continues.
            if complete || is_worker() {
                return;
            }
            let queued = state.stats().queued;
            if queued > 0 {
                let line = format_args!(
                    "the tracer is dropped with {queued} spans not sent in half a second; call close()"
                );
                log_guarded(Level::Warn, line);
            }
        }
    }
}

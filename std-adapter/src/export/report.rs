//! Passes finished spans to the user's reporters.

use log::Level;
use picojaeger_core::adapter::record::Record;
use picojaeger_core::wire::{EncodeContext, Process};

use crate::export::common::Common;
use crate::reporters::FinishedSpan;
use crate::sys::log::log_guarded;
use crate::sys::unwind::caught;

/// Passes a record to the user's reporters.
pub(super) fn report(
    record: Record<'_>,
    common: &Common,
    process: &Process<'_>,
    encode: &EncodeContext<'_>,
) {
    let span = FinishedSpan::new(process.service, record, encode);
    for reporter in common.reporters.iter() {
        // A panic of the user's code must not end the worker, and with it all sending.
        if caught(|| reporter.report(&span)).is_none() {
            let line = format_args!("a reporter panicked; the span is sent all the same");
            log_guarded(Level::Error, line);
        }
    }
}

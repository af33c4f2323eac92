//! Passes finished spans to the user's reporters.

use std::time::Instant;

use log::Level;
use picojaeger_core::{Packet, SendOutcome};

use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::Consumer;
use picojaeger_core::wire::EncodeContext;

use crate::export::agent_encoder::AgentEncoder;
use crate::export::common::Common;
use crate::reporters::{FinishedSpan, Reporter};
use crate::sys::log::log_guarded;
use crate::sys::unwind::caught;

/// A packet whose outcome is known, but not to all reporters: the time was over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreported {
    pub(super) outcome: SendOutcome,
    /// Calls of reporters that were made, in the order of the packet's records.
    pub(super) calls: usize,
}

/// Passes the records of a packet to the user's reporters, but for the first `calls`; returns the
/// number of calls made if the time is over before the last one. Makes one at least.
pub(super) fn report<'r, C>(
    packet: &mut Packet<'_, AgentEncoder, C>,
    calls: usize,
    until: Option<Instant>,
    common: &Common,
    service: &str,
    encode: &EncodeContext<'_>,
) -> Option<usize>
where
    C: AsMut<Consumer<'r, Records>>,
{
    let (mut place, mut made) = (0, calls);
    packet.for_each_record(|record| {
        for reporter in common.reporters.iter() {
            let is_next = place == made && (made == calls || !is_over(until));
            place += 1;
            if is_next {
                call(&**reporter, &FinishedSpan::new(service, record, encode));
                made = place;
            }
        }
    });
    (made < place).then_some(made)
}

/// Returns whether the time is over.
pub(super) fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

/// Calls a reporter. A panic of the user's code must not end the worker, and with it all sending.
fn call(reporter: &dyn Reporter, span: &FinishedSpan<'_>) {
    if caught(|| reporter.report(span)).is_none() {
        let line = format_args!("a reporter panicked; the span is sent all the same");
        log_guarded(Level::Error, line);
    }
}

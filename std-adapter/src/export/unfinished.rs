//! The end of a packet: its outcome, and the calls of the user's reporters.

use std::time::Instant;

use log::Level;
use picojaeger_core::{Packet, SendOutcome};

use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::Consumer;
use picojaeger_core::wire::EncodeContext;

use crate::export::common::Common;
use crate::export::packet_encoder::PacketEncoder;
use crate::reporters::{FinishedSpan, Reporter};
use crate::sys::log::log_guarded;
use crate::sys::unwind::caught;

/// The reason for which a packet that was sent is not done with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unfinished {
    /// Its outcome is not known yet.
    Pending,
    /// Its outcome is known, but not to all reporters: the time was over.
    Unreported {
        outcome: SendOutcome,
        /// Calls of reporters that were made, in the order of the packet's records.
        calls: usize,
    },
}

/// Passes the records of a packet with a final outcome to the reporters, and ends it; returns the
/// reason if it cannot be ended yet. Of the reporters, the first `calls` have been called.
pub(super) fn conclude<'r, C>(
    mut packet: Packet<'_, PacketEncoder, C>,
    outcome: SendOutcome,
    calls: usize,
    until: Option<Instant>,
    common: &Common,
    service: &str,
    encode: &EncodeContext<'_>,
) -> Option<Unfinished>
where
    C: AsMut<Consumer<'r, Records>>,
{
    if outcome == SendOutcome::Pending {
        return Some(Unfinished::Pending);
    }
    let is_final = !matches!(outcome, SendOutcome::TooLarge | SendOutcome::Retry);
    if is_final && !common.reporters.is_empty() {
        let rest = report(&mut packet, calls, until, common, service, encode);
        if let Some(calls) = rest {
            return Some(Unfinished::Unreported { outcome, calls });
        }
    }
    packet.done(outcome);
    None
}

/// Passes the records of a packet to the user's reporters, but for the first `calls`; returns the
/// number of calls made if the time is over before the last one. Makes one at least.
fn report<'r, C>(
    packet: &mut Packet<'_, PacketEncoder, C>,
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

//! The status: the time and the counts.

use super::frames::Relay;
use crate::stats::LossCause;
use crate::wire::Status;
use crate::wire::out::Out;

/// Writes the payload of a status.
#[inline(never)]
pub(super) fn put_status<'o>(out: Out<'o, Relay>, status: &Status<'_>) -> Out<'o, Relay> {
    let mut out = out.number(status.now).put([status.anchor.is_some() as u8]);
    if let Some(anchor) = &status.anchor {
        out = out.number(anchor.ticks).number(anchor.unix_micros);
        out = out.number(anchor.uncertainty_micros.into());
    }
    let stats = (status.stats)();
    for count in [
        stats.sampled,
        stats.open,
        stats.queued,
        stats.delivered,
        stats.cleared,
        stats.unsampled,
        stats.unseeded,
        stats.decode_errors,
    ] {
        out = out.number(count);
    }
    out = out.put([LossCause::COUNT as u8]);
    for (_, count) in stats.lost.by_cause() {
        out = out.number(count);
    }
    out
}

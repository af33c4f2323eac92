//! The status: the time and the counts.

use super::frames::Relay;
use crate::wire::Status;
use crate::wire::out::Out;

/// Writes the payload of a status; none without counts.
#[inline(never)]
pub(super) fn put_status<'o>(out: Out<'o, Relay>, status: &Status<'_>) -> Out<'o, Relay> {
    let mut out = out.number(status.now).byte(status.anchor.is_some() as u8);
    if let Some(anchor) = status.anchor {
        out = out.number(anchor.ticks).number(anchor.unix_micros);
        out = out.number(anchor.uncertainty_micros.into());
    }
    // By reference: 72 bytes are not copied.
    let Some(counts) = &(status.counts)() else {
        return out.take(usize::MAX).1;
    };
    let out = put_counts(out, &counts.spans);
    put_counts(out.byte(counts.lost.len() as u8), &counts.lost)
}

#[inline(never)]
fn put_counts<'o>(out: Out<'o, Relay>, counts: &[u32]) -> Out<'o, Relay> {
    let counts = counts.iter();
    counts.fold(out, |out, count| out.number((*count).into()))
}

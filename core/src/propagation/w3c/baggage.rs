//! `baggage`: a list of `key=value`, with percent-encoded values.

use core::str;

use crate::baggage::{BaggageError, check_baggage_key};
use crate::propagation::carrier::TextMapWriter;
use crate::propagation::error::BaggageDrops;
use crate::propagation::percent::percent_encode;

pub(in crate::propagation) const NAME: &str = "baggage";

/// The most members and bytes that a list has; the least that the specification asks for.
pub(in crate::propagation) const MOST_MEMBERS: u32 = 64;
const MOST_BYTES: usize = 8_192;

/// Writes the header in `scratch` and sets it; returns the counts of what was left out.
pub(in crate::propagation) fn inject<'b, C: TextMapWriter + ?Sized>(
    baggage: impl Iterator<Item = (&'b str, &'b str)>,
    carrier: &mut C,
    scratch: &mut [u8],
) -> BaggageDrops {
    let mut drops = BaggageDrops::default();
    let (mut used, mut members) = (0, 0);
    for (key, value) in baggage {
        let room = scratch.get_mut(used..).unwrap_or_default();
        match append(key, value, used, members, room) {
            Ok(bytes) => (used, members) = (used + bytes, members + 1),
            Err(cause) => drops.count(cause),
        }
    }
    let list = scratch.get(..used).unwrap_or_default();
    let list = str::from_utf8(list).unwrap_or_default();
    if !list.is_empty() && carrier.set(NAME, list).is_err() {
        (0..members).for_each(|_| drops.count(BaggageError::Full));
    }
    drops
}

/// Writes a member behind those that take `used` bytes; returns its own.
fn append(
    key: &str,
    value: &str,
    used: usize,
    members: u32,
    room: &mut [u8],
) -> Result<usize, BaggageError> {
    check_baggage_key(key)?;
    if members == MOST_MEMBERS {
        return Err(BaggageError::Full);
    }
    let comma = b",".iter().take(usize::from(used > 0)).copied();
    let bytes = comma
        .chain(key.bytes())
        .chain([b'='])
        .chain(percent_encode(value));
    let mut len = 0;
    for byte in bytes {
        if used + len == MOST_BYTES {
            return Err(BaggageError::OverLimit);
        }
        *room.get_mut(len).ok_or(BaggageError::TooLong)? = byte;
        len += 1;
    }
    Ok(len)
}

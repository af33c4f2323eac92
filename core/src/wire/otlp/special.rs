//! Tags of which some have fields of their own, or keys that occur more than once.

use super::Protobuf;
use super::attribute::put_attribute;
use super::keys::{Keys, Search, occurs};
use super::message::varint_length;
use super::span::{Attributes, Source, field, put_text};
use super::status::{Status, StatusTags};
use crate::record::Tag;
use crate::time::Times;
use crate::wire::cut::cut_text;
use crate::wire::out::Out;
use crate::wire::state_tags;

/// Fields of a span, and of its status.
mod code {
    pub(super) const KIND: u8 = 0x30;
    pub(super) const STATUS: u8 = 0x7a;
    pub(super) const STATUS_MESSAGE: u8 = 0x12;
    pub(super) const STATUS_CODE: u8 = 0x18;
}

/// Writes kind, tags and status, with the tags that the record's state stands for; of equal keys
/// the last counts.
#[inline(never)]
pub(super) fn put_special_tags<'o>(
    source: &Source<'_>,
    mut out: Out<'o, Protobuf>,
) -> Out<'o, Protobuf> {
    let times = &source.times();
    let (mut tags, mut keys, mut repeats) = (StatusTags::default(), Keys::default(), false);
    for tag in source.record.tags() {
        tags.add(&tag);
        repeats |= keys.add(tag.key);
    }
    let status = tags.status();
    if status.kind != 0 {
        out = out.put([code::KIND, status.kind]);
    }
    let mut rest = source.record.tags();
    while let Some(Tag { key, value }) = rest.next() {
        let repeats = repeats && occurs(key, rest.clone());
        if !repeats && !is_of_state(source, times, key) && !status.omits(key) {
            out = put_attribute(out, field::ATTRIBUTES, key, value, source.cut.longest);
        }
    }
    let out = source.state_tags(times).visit(Attributes { out }).out;
    if status.code == 0 && status.message.is_empty() {
        return out;
    }
    put_status(source, out, &status)
}

/// Whether a tag of the record's state, which is written behind the others, has the key.
fn is_of_state(source: &Source<'_>, times: &Times<'_>, key: &str) -> bool {
    let search = Search { key, found: false };
    state_tags::KEYS.contains(&key) && source.state_tags(times).visit(search).found
}

fn put_status<'o>(
    source: &Source<'_>,
    out: Out<'o, Protobuf>,
    status: &Status<'_>,
) -> Out<'o, Protobuf> {
    let message = cut_text(status.message, source.cut.longest).len();
    let (mut length, mut out) = (0, out);
    if message > 0 {
        length += 1 + varint_length(message as u64) + message;
    }
    if status.code > 0 {
        length += 2;
    }
    out = out.put([code::STATUS]).varint(length as u64);
    if message > 0 {
        out = put_text(out, code::STATUS_MESSAGE, status.message, source.cut);
    }
    if status.code > 0 {
        out = out.put([code::STATUS_CODE, status.code]);
    }
    out
}

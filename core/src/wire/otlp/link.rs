//! The `Span.Link` message: a reference that is not the parent.

use super::Protobuf;
use super::attribute::put_attribute;
use super::message::{HEADER, end_message};
use super::span::put_ids;
use crate::id::SpanId;
use crate::record::{Record, Reference};
use crate::value::Value;
use crate::wire::cut::LONGEST;
use crate::wire::out::Out;

/// The field of a span, and the one of a link that its attributes are.
mod field {
    pub(super) const LINKS: u8 = 0x6a;
    pub(super) const ATTRIBUTES: u8 = 0x22;
}

/// Writes the references other than the parent.
#[cold]
#[inline(never)]
pub(super) fn put_links<'o>(
    mut out: Out<'o, Protobuf>,
    record: &Record<'_>,
    parent: SpanId,
) -> Out<'o, Protobuf> {
    for reference in record.references() {
        if reference.follows || reference.span != parent {
            out = put_link(out, reference);
        }
    }
    out
}

fn put_link(mut out: Out<'_, Protobuf>, reference: Reference) -> Out<'_, Protobuf> {
    let kind = if reference.follows {
        "follows_from"
    } else {
        "child_of"
    };
    let link = put_ids(out.behind(HEADER), reference.trace, reference.span);
    let kind = Value::Str(kind);
    let key = "opentracing.ref_type";
    let left = put_attribute(link, field::ATTRIBUTES, key, kind, LONGEST).left();
    end_message(out, field::LINKS, left)
}

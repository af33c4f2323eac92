//! The `Resource` message: the process.

use super::Protobuf;
use super::attribute::{put_attribute, put_joined};
use super::keys::occurs;
use super::message::{HEADER, end_message};
use crate::record::Tag;
use crate::value::Value;
use crate::wire::Process;
use crate::wire::out::Out;

/// Fields of `ResourceSpans`, and of the resource.
mod field {
    pub(super) const RESOURCE: u8 = 0x0a;
    pub(super) const ATTRIBUTES: u8 = 0x0a;
}

const SERVICE_NAME: &str = "service.name";
/// The tags of a process that have other names here.
const HOSTNAME: &str = "hostname";
const HOST_NAME: &str = "host.name";
const VERSION: &str = "jaeger.version";
const EXPORTER_VERSION: &str = "opencensus.exporterversion";

/// Writes what precedes the spans; gives how many bytes are left, unless not all was written.
pub(super) fn put_head(mut out: Out<'_, Protobuf>, process: &Process<'_>) -> Option<usize> {
    let mut resource = out.behind(HEADER);
    let left = put_attributes(resource.behind(HEADER), process).left();
    let resource = end_message(resource, field::RESOURCE, left);
    // The list of spans begins behind its header, which is written at the end.
    resource.end([0; HEADER])
}

/// Writes the service's name and the tags, of equal keys the last.
fn put_attributes<'o>(out: Out<'o, Protobuf>, process: &Process<'_>) -> Out<'o, Protobuf> {
    let tags = || process.tags.iter().filter(|tag| tag.1 != Value::Absent);
    let has = |key| tags().any(|tag| tag.0 == key);
    let mut out = out;
    if !process.service.is_empty() && !has(SERVICE_NAME) {
        let name = Value::Str(process.service);
        out = put_attribute(out, field::ATTRIBUTES, SERVICE_NAME, name, usize::MAX);
    }
    let mut rest = tags();
    while let Some((key, value)) = rest.next() {
        if occurs(key, rest.clone().map(|tag| Tag::new(tag.0, tag.1))) {
            continue;
        }
        out = match *key {
            VERSION if !has(EXPORTER_VERSION) => {
                let version = if let Value::Str(text) = value {
                    text
                } else {
                    ""
                };
                put_joined(
                    out,
                    field::ATTRIBUTES,
                    EXPORTER_VERSION,
                    ["Jaeger-", version],
                )
            }
            key => {
                let renamed = key == HOSTNAME && !has(HOST_NAME);
                let key = if renamed { HOST_NAME } else { key };
                put_attribute(out, field::ATTRIBUTES, key, *value, usize::MAX)
            }
        };
    }
    out
}

//! A second, plain writer of Jaeger's Thrift compact bytes, made of nothing that the tracer has.

use crate::model::{Expected, Log, Process, RefKind, Reference, Tag, Value, as_sent};

const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// The oneway message `emitBatch` with spans that [`span`] wrote.
pub fn emit_batch(process: &Process, spans: &[Vec<u8>]) -> Vec<u8> {
    let process = Struct::new()
        .binary(1, process.service.as_bytes())
        .list(2, &process.tags, tag)
        .end();
    let batch = Struct::new()
        .field(1, STRUCT, &process)
        .list(2, spans, Vec::clone)
        .end();
    let arguments = Struct::new().field(1, STRUCT, &batch).end();
    [&[0x82, 0x81, 0], sized(b"emitBatch").as_slice(), &arguments].concat()
}

/// The struct of one span.
pub fn span(span: &Expected, parent: u64) -> Vec<u8> {
    Struct::new()
        .i64(1, span.ids.trace as i64)
        .i64(2, (span.ids.trace >> 64) as i64)
        .i64(3, span.ids.span as i64)
        .i64(4, parent as i64)
        .binary(5, span.operation.as_bytes())
        .list(6, &span.references, reference)
        .i32(7, 1)
        .i64(8, span.start_us as i64)
        .i64(9, span.duration_us as i64)
        .list(10, &span.tags, tag)
        .list(11, &span.logs, log)
        .end()
}

fn reference(reference: &Reference) -> Vec<u8> {
    let kind = match reference.kind {
        RefKind::ChildOf => 0,
        RefKind::FollowsFrom => 1,
    };
    let to = reference.to;
    Struct::new()
        .i32(1, kind)
        .i64(2, to.trace as i64)
        .i64(3, (to.trace >> 64) as i64)
        .i64(4, to.span as i64)
        .end()
}

fn log(log: &Log) -> Vec<u8> {
    Struct::new()
        .i64(1, log.time_us as i64)
        .list(2, &log.fields, tag)
        .end()
}

fn tag(tag: &Tag) -> Vec<u8> {
    let start = Struct::new().binary(1, tag.key.as_bytes());
    let tag = match as_sent(&tag.value) {
        Value::Text(text) => start.i32(2, 0).binary(3, text.as_bytes()),
        Value::Double(number) => start.i32(2, 1).field(4, DOUBLE, &number.to_le_bytes()),
        // The value of a bool is its field's type.
        Value::Bool(value) => start.i32(2, 2).field(5, if value { 1 } else { 2 }, &[]),
        Value::Long(number) => start.i32(2, 3).i64(6, number),
        Value::Binary(bytes) => start.i32(2, 4).binary(7, &bytes),
        Value::Unsigned(_) => unreachable!("as_sent leaves no unsigned number"),
    };
    tag.end()
}

/// A struct in the making: field ids go out as the step from the one before.
struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    fn new() -> Self {
        Struct {
            bytes: Vec::new(),
            last: 0,
        }
    }

    fn field(mut self, id: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.bytes.extend_from_slice(value);
        self.last = id;
        self
    }

    fn i32(self, id: u8, value: i32) -> Self {
        self.field(id, I32, &zigzag(value.into()))
    }

    fn i64(self, id: u8, value: i64) -> Self {
        self.field(id, I64, &zigzag(value))
    }

    fn binary(self, id: u8, value: &[u8]) -> Self {
        self.field(id, BINARY, &sized(value))
    }

    /// A list of structs, left out when empty unless it is required (field 2: spans and log fields).
    fn list<T>(self, id: u8, items: &[T], write: impl Fn(&T) -> Vec<u8>) -> Self {
        if items.is_empty() && id != 2 {
            return self;
        }
        let mut list = match items.len() {
            short @ ..15 => vec![(short as u8) << 4 | STRUCT],
            long => [vec![0xf0 | STRUCT], varint(long as u64)].concat(),
        };
        items.iter().for_each(|item| list.extend(write(item)));
        self.field(id, LIST, &list)
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64).as_slice(), bytes].concat()
}

fn zigzag(value: i64) -> Vec<u8> {
    varint((value << 1 ^ value >> 63) as u64)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

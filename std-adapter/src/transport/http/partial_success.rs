//! The answer to a batch of OTLP: `ExportTraceServiceResponse`, with the spans that were rejected.
//!
//! Fields as in `opentelemetry/proto/collector/trace/v1/trace_service.proto`:
//! `1 partial_success { 1 rejected_spans, 2 error_message }`.

/// The spans of a batch that the collector rejected, and its reason.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct PartialSuccess<'a> {
    pub(super) rejected: u64,
    pub(super) message: &'a [u8],
}

/// A field of a protobuf message.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> PartialSuccess<'a> {
    /// Reads an answer as far as it can be read: an empty or broken one rejects nothing.
    pub(super) fn read(mut answer: &'a [u8]) -> Self {
        let mut partial = PartialSuccess::default();
        while let Some((number, field)) = next(&mut answer) {
            if let (1, Field::Bytes(inner)) = (number, field) {
                partial.read_inner(inner);
            }
        }
        partial
    }

    fn read_inner(&mut self, mut inner: &'a [u8]) {
        while let Some((number, field)) = next(&mut inner) {
            match (number, field) {
                // A signed number; a negative one is nonsense.
                (1, Field::Number(count)) => {
                    self.rejected = if count >> 63 == 0 { count } else { 0 }
                }
                (2, Field::Bytes(message)) => self.message = message,
                _ => {}
            }
        }
    }
}

/// Takes the next field and its number; `None` at the end, or where the message is broken.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let tag = varint(rest)?;
    let field = match tag & 7 {
        0 => Field::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Field::Other)?,
        2 => {
            let length = varint(rest)?;
            // One that was cut off is read as far as it goes.
            let length = usize::try_from(length)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            Field::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Field::Other)?,
        _ => return None,
    };
    Some((tag >> 3, field))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &[u8]) -> (u64, &[u8]) {
        let partial = PartialSuccess::read(answer);
        (partial.rejected, partial.message)
    }

    #[test]
    fn rejected_spans_and_message_are_read_in_any_order_beside_unknown_fields() {
        assert_eq!(read(&[0x0a, 5, 0x08, 0x2a, 0x12, 1, b'x']), (42, &b"x"[..]));
        assert_eq!(
            read(&[0x0a, 6, 0x12, 1, b'x', 0x08, 0xac, 0x02]),
            (300, &b"x"[..])
        );
        let unknown = [
            0x18, 7, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x0a, 2, 0x08, 1,
        ];
        assert_eq!(read(&unknown), (1, &b""[..]));
    }

    #[test]
    fn broken_answers_reject_what_can_be_read() {
        let none = (0, &b""[..]);
        for answer in [
            &b""[..],
            b"<html>",
            &[0x0a],
            &[
                0x0a, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
            &[
                0x0a, 12, 0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01,
            ],
            &[0x08, 3],
        ] {
            assert_eq!(read(answer), none, "{answer:?}");
        }
        assert_eq!(
            read(&[0x0a, 99, 0x08, 5, 0x12, 99, b'c', b'u']),
            (5, &b"cu"[..])
        );
    }
}

//! Reading a batch with the `thrift` crate, with a bound on what a hostile datagram can cost.
//!
//! Formats: Thrift compact and strict binary, message `emitBatch` of `agent.thrift`, as CALL or
//! ONEWAY with any sequence number. A field that is unknown, or of another type than in the
//! IDL, is skipped, as generated code does; a missing required field is an error.

#[cfg(all(test, any(feature = "collector", feature = "testing")))]
mod body_tests;
mod error;
mod reader;
mod structs;
#[cfg(test)]
mod tests;

pub use error::DecodeError;

use thrift::TConfiguration;
use thrift::protocol::{TBinaryInputProtocol, TCompactInputProtocol};

use super::memory_budget::{Budget, MAX_DATAGRAM, Wire};
use crate::model::{Batch, ClientStats, Process, Span};
use reader::{MAX_DEPTH, Reader};

type Decoded<T> = Result<T, DecodeError>;

/// Decodes one datagram: a whole `emitBatch` message in Thrift compact or strict binary.
///
/// For any input it takes less than 1 MiB of heap and time linear in the datagram's length, and
/// does not panic. Text that is not UTF-8 is kept with replacement characters. Datagrams of
/// real spans always fit into the memory; one of over 2,400 spans almost without content may not.
///
/// # Errors
/// [`DecodeError`] names what is wrong; nothing of the batch is returned then.
pub fn decode(datagram: &[u8]) -> Result<Batch, DecodeError> {
    let parsed = parse::<Span>(datagram)?;
    Ok(Batch {
        process: parsed.process,
        spans: parsed.spans,
        seq_no: parsed.seq_no,
        stats: parsed.stats,
    })
}

/// Decodes the body of a request to a collector: a batch in Thrift binary, without a message around it. It takes heap
/// of at most a small multiple of the body's length.
#[cfg(any(feature = "collector", feature = "testing"))]
pub(crate) fn decode_body(body: &[u8]) -> Result<Batch, DecodeError> {
    let budget = Budget::of_body(body);
    let mut protocol =
        TBinaryInputProtocol::with_config(Wire::new(body, &budget), true, limits(body.len())?);
    let parsed = Reader::new(&mut protocol, &budget).batch::<Span>()?;
    match budget.unread() {
        0 => Ok(Batch {
            process: parsed.process,
            spans: parsed.spans,
            seq_no: parsed.seq_no,
            stats: parsed.stats,
        }),
        n => Err(DecodeError::TrailingBytes(n)),
    }
}

/// A [`Batch`] whose spans are already of the type in which they are kept, so none is moved again.
pub(in crate::collector) struct ParsedBatch<S> {
    pub(in crate::collector) process: Process,
    pub(in crate::collector) spans: Vec<S>,
    pub(in crate::collector) seq_no: Option<i64>,
    pub(in crate::collector) stats: Option<ClientStats>,
}

/// Decodes like [`decode`], with the spans converted to the caller's type one by one.
pub(in crate::collector) fn parse<S: From<Span>>(datagram: &[u8]) -> Decoded<ParsedBatch<S>> {
    if datagram.len() > MAX_DATAGRAM {
        return Err(DecodeError::TooLong(datagram.len()));
    }
    parse_within(datagram, &Budget::new(datagram))
}

fn parse_within<S: From<Span>>(datagram: &[u8], budget: &Budget) -> Decoded<ParsedBatch<S>> {
    let wire = Wire::new(datagram, budget);
    let limits = limits(datagram.len())?;
    let parsed = match datagram.first() {
        Some(0x82) => {
            let mut protocol = TCompactInputProtocol::with_config(wire, limits);
            Reader::new(&mut protocol, budget).message()?
        }
        Some(0x80) => {
            let mut protocol = TBinaryInputProtocol::with_config(wire, true, limits);
            Reader::new(&mut protocol, budget).message()?
        }
        other => return Err(DecodeError::UnknownProtocol(other.copied())),
    };
    match budget.unread() {
        0 => Ok(parsed),
        n => Err(DecodeError::TrailingBytes(n)),
    }
}

/// Limits under which no string, container or message is longer than the datagram.
fn limits(length: usize) -> Decoded<TConfiguration> {
    TConfiguration::builder()
        .max_message_size(Some(length))
        .max_frame_size(Some(length))
        .max_string_size(Some(length))
        .max_container_size(Some(length))
        .max_recursion_depth(Some(MAX_DEPTH as usize))
        .build()
        .map_err(DecodeError::from)
}

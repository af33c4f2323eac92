//! Entrances for fuzz targets, which are packages of their own.

use std::cell::RefCell;
use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use serde_json::Value;

use super::http::body::Encoding;
use super::{Inbox, api, routes};
use crate::model::Batch;

/// Decodes a body with this `Content-Encoding`, of at most `limit` bytes.
///
/// # Errors
/// The status and text of the refusal.
pub fn decode_body(encoding: &[u8], body: &[u8], limit: usize) -> Result<Bytes, (u16, String)> {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(encoding) {
        headers.insert(header::CONTENT_ENCODING, value);
    }
    let body = Bytes::copy_from_slice(body);
    let decoded = Encoding::of(&headers).and_then(|encoding| encoding.decode(body, limit));
    decoded.map_err(|refusal| (refusal.status.as_u16(), refusal.message))
}

thread_local! {
    /// To make one takes some 300 KiB of memory, which is most of the time of a small text.
    static ENCODER: RefCell<DeflateEncoder<Vec<u8>>> =
        RefCell::new(DeflateEncoder::new(Vec::new(), Compression::fast()));
}

/// Zips a text, as `members` files behind each other: the first is deflated, the others have their text as it is, since to
/// read the tables of one that is deflated takes most of the time of a small text.
pub fn zip(plain: &[u8], members: usize) -> Vec<u8> {
    let pieces = plain.chunks(plain.len().div_ceil(members.max(1)).max(1));
    let mut zipped = Vec::new();
    for (at, piece) in pieces.enumerate() {
        let stored = (at > 0).then(|| stored(piece)).flatten();
        zip_file(
            piece,
            &stored.unwrap_or_else(|| deflated(piece)),
            &mut zipped,
        );
    }
    zipped
}

/// Appends a file of gzip (RFC 1952): a head without a name, the blocks, and the sum and length of the text.
fn zip_file(plain: &[u8], blocks: &[u8], to: &mut Vec<u8>) {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut sum = Crc::new();
    sum.update(plain);
    to.extend(HEAD);
    to.extend(blocks);
    to.extend(sum.sum().to_le_bytes());
    to.extend(sum.amount().to_le_bytes());
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let deflated = ENCODER.with_borrow_mut(|encoder| {
        let written = encoder.write_all(plain).and_then(|()| encoder.try_finish());
        let bytes = encoder.reset(Vec::new());
        written.and(bytes)
    });
    // What a failure leaves does not come out as it was.
    deflated.unwrap_or_default()
}

/// Returns a last block (RFC 1951, section 3.2.4) of text as it is, unless that is too long for one.
fn stored(plain: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(plain.len()).ok()?;
    let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    Some([&[1], lengths.as_slice(), plain].concat())
}

/// A store as the program has it.
pub struct Store(Inbox);

/// An answer of the page's port.
#[non_exhaustive]
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// `None`: it is not JSON.
    pub body: Option<Value>,
    /// The name that a browser saves it as.
    pub file_name: Option<String>,
}

impl Store {
    /// Stores batches.
    pub fn new(batches: impl IntoIterator<Item = Batch>) -> Self {
        let inbox = Inbox::of_program(1 << 20);
        batches.into_iter().for_each(|batch| inbox.store(batch));
        Store(inbox)
    }

    /// Answers a query; `None`: there is no such path.
    pub fn query(&self, path: &str, query: &str) -> Option<Answer> {
        let answer = api::answer(&self.0, path, query)?;
        Some(Answer {
            status: answer.status,
            body: serde_json::from_slice(&answer.body).ok(),
            file_name: routes::file_name(path, query),
        })
    }
}

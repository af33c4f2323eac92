//! Entrances for fuzz targets, which are packages of their own.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
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

/// Zips a text, as `members` files behind each other.
pub fn zip(plain: &[u8], members: usize) -> Vec<u8> {
    let pieces = plain.chunks(plain.len().div_ceil(members.max(1)).max(1));
    let zipped = pieces.map(|piece| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(piece);
        written.and_then(|()| encoder.finish()).unwrap_or_default()
    });
    zipped.collect::<Vec<_>>().concat()
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

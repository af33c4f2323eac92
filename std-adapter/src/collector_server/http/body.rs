//! Bodies of requests: bounded, as they come and unzipped.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderMap};

use super::Refusal;

/// Reads a whole body of at most `limit` bytes.
pub(in crate::collector_server) async fn read<B>(
    body: B,
    limit: usize,
    time: Duration,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Not read if it says itself that it is too long.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let collected = Limited::new(body, limit).collect();
    match tokio::time::timeout(time, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the body ended early or is damaged",
        )),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body took too long",
        )),
    }
}

fn too_large(limit: usize) -> Refusal {
    let message =
        format!("the body has more than {limit} bytes: send smaller batches, or set --max-body");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// The encoding of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::collector_server) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// Reads the header `Content-Encoding`.
    pub(in crate::collector_server) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = headers.get(header::CONTENT_ENCODING);
        match value.map(|value| value.as_bytes().to_ascii_lowercase()) {
            None => Ok(Encoding::Plain),
            Some(value) if value == b"gzip" => Ok(Encoding::Gzip),
            Some(value) if value == b"identity" => Ok(Encoding::Plain),
            Some(_) => Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body's encoding is not known: send it plain or as gzip",
            )),
        }
    }

    /// Returns the body as it was before it was encoded, of at most `limit` bytes.
    pub(in crate::collector_server) fn decode(
        self,
        body: Bytes,
        limit: usize,
    ) -> Result<Bytes, Refusal> {
        match self {
            Encoding::Plain => Ok(body),
            Encoding::Gzip => gunzip(&body, limit).map(Bytes::from),
        }
    }
}

/// Unzips, and stops at `limit`: a small body may stand for gigabytes.
fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(limit as u64 + 1);
    if decoder.read_to_end(&mut plain).is_err() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the body is no whole gzip",
        ));
    }
    match plain.len() > limit {
        true => Err(too_large(limit)),
        false => Ok(plain),
    }
}

/// Returns the type of a body in lower case, without its parameters.
pub(in crate::collector_server) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::GzEncoder;

    use super::*;

    fn zip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_zipped_body_is_unzipped_up_to_the_limit() {
        let bomb = zip(&vec![0; 1 << 20]);
        assert!(bomb.len() < 4_096);
        assert_eq!(gunzip(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        let refusal = gunzip(&bomb, (1 << 20) - 1).unwrap_err();
        assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(
            refusal.message.contains("1048575 bytes"),
            "{}",
            refusal.message
        );
        let two = [zip(b"a"), zip(b"b")].concat();
        assert_eq!(gunzip(&two, 2).unwrap(), b"ab");
    }

    #[test]
    fn a_damaged_zip_is_refused() {
        let whole = zip(b"some text that is zipped");
        for length in 0..whole.len() {
            let refusal = gunzip(&whole[..length], 100).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn types_and_encodings_are_read_whatever_their_case() {
        let mut headers = HeaderMap::new();
        assert_eq!(Encoding::of(&headers), Ok(Encoding::Plain));
        assert_eq!(content_type(&headers), "");
        headers.insert(
            header::CONTENT_TYPE,
            "Application/JSON; charset=utf-8".parse().unwrap(),
        );
        headers.insert(header::CONTENT_ENCODING, "GZIP".parse().unwrap());
        assert_eq!(content_type(&headers), "application/json");
        assert_eq!(Encoding::of(&headers), Ok(Encoding::Gzip));
        headers.insert(header::CONTENT_ENCODING, "br".parse().unwrap());
        assert!(Encoding::of(&headers).is_err());
    }
}

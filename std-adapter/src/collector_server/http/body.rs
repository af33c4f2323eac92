//! Bodies of requests: bounded, as they come and unzipped.

use std::io::Read as _;
use std::time::Duration;

use flate2::bufread::GzDecoder;
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
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        let values: Vec<_> = values.map(|value| value.as_bytes()).collect();
        // Several lines are one list.
        let value = (!values.is_empty()).then(|| values.join(&b','));
        match value.map(|value| value.to_ascii_lowercase()) {
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

/// Files in gzip that a body may be, one behind the other. Clients send one; each costs the setting up of a decoder, and
/// an empty one has 20 bytes: a body of them would take a minute.
const MOST_FILES: usize = 1_000;
/// Bytes that are unzipped at once.
const PIECE: usize = 16 << 10;

/// Unzips, and stops at `limit`: a small body may stand for gigabytes.
fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let (mut plain, mut rest) = (Vec::new(), body);
    for _ in 0..MOST_FILES {
        gunzip_file(&mut rest, &mut plain, limit)?;
        if rest.is_empty() {
            return Ok(plain);
        }
    }
    let message = format!("the body is more than {MOST_FILES} files in gzip: send one");
    Err(Refusal::new(StatusCode::BAD_REQUEST, message))
}

/// Unzips one file of a body, which is left behind its end.
fn gunzip_file(zipped: &mut &[u8], plain: &mut Vec<u8>, limit: usize) -> Result<(), Refusal> {
    let mut decoder = GzDecoder::new(zipped);
    let mut piece = [0; PIECE];
    loop {
        let length = decoder.read(&mut piece);
        let piece = length.ok().and_then(|length| piece.get(..length));
        let Some(piece) = piece else {
            let message = "the body is no whole gzip";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        };
        if piece.is_empty() {
            return Ok(());
        }
        if piece.len() > limit.saturating_sub(plain.len()) {
            return Err(too_large(limit));
        }
        make_room(plain, piece.len(), limit);
        plain.extend_from_slice(piece);
    }
}

/// Makes room for more bytes, and for as many again if they are within the limit.
fn make_room(plain: &mut Vec<u8>, more: usize, limit: usize) {
    if plain.capacity() - plain.len() < more {
        let needed = plain.len() + more;
        let room = (2 * needed).min(limit).max(needed);
        plain.reserve_exact(room - plain.len());
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
        assert!(gunzip(&two, 1).is_err());
    }

    #[test]
    fn unzipping_takes_no_more_than_the_limit() {
        let limit = 1_000_001;
        let plain = gunzip(&zip(&vec![7; limit]), limit).unwrap();
        assert_eq!((plain.len(), plain.capacity()), (limit, limit));
    }

    #[test]
    fn a_body_of_many_empty_files_is_refused() {
        let empty = zip(b"");
        assert_eq!(gunzip(&empty.repeat(MOST_FILES), 100).unwrap(), b"");
        let refusal = gunzip(&empty.repeat(MOST_FILES + 1), 100).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert!(refusal.message.contains("1000 files"));
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
        headers.append(header::CONTENT_ENCODING, "identity".parse().unwrap());
        assert!(Encoding::of(&headers).is_err());
        headers.insert(header::CONTENT_ENCODING, "br".parse().unwrap());
        assert!(Encoding::of(&headers).is_err());
    }
}

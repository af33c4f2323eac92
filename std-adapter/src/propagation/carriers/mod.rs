//! Carriers: headers and maps from which a context is read and to which it is written.
//!
//! Everything that iterates over pairs of a key and a value can be read: a reference to a map, to
//! a vector or a slice of pairs, to the `HeaderMap` of the `http` crate, and iterators. Maps and
//! vectors of strings can be written, and closures that set a header; with the feature
//! `http-headers`, a `HeaderMap`; by [`ByteValues`], what holds bytes. [`Environment`] and
//! [`ChildEnvironment`] carry a context from one program to the one that it starts.

mod environment;
#[cfg(feature = "http-headers")]
mod http_headers;
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
pub(crate) use http_headers::remove_contexts;

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use picojaeger_core::{CarrierFull, TextMapReader, TextMapWriter};

pub use environment::{ChildEnvironment, Environment};

/// Source of `extract`: everything that iterates over [`Header`]s and can be iterated again, as
/// references to containers can.
///
/// ```
/// use std::collections::HashMap;
/// use picojaeger_std::carriers::Carrier;
///
/// fn bytes(carrier: impl Carrier) -> usize {
///     let mut bytes = 0;
///     carrier.for_each(&mut |key, value| bytes += key.len() + value.len());
///     bytes
/// }
///
/// let map = HashMap::from([("uber-trace-id".to_owned(), "1:2:0:1".to_owned())]);
/// assert_eq!(bytes(&map), 20);
/// assert_eq!(bytes(&vec![("uber-trace-id", b"1:2:0:1")]), 20);
/// assert_eq!(bytes(map.iter().map(|(key, value)| (key, value.trim()))), 20);
/// ```
pub trait Carrier {
    /// Calls `visit` with each key and value in order, repeated keys included.
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8]));
}

/// A key and a value: a pair, or a reference to one.
///
/// Values are bytes, since those of HTTP headers need not be UTF-8.
///
/// ```
/// use picojaeger_std::carriers::Header;
///
/// let header = ("uber-trace-id", String::from("1:2:0:1"));
/// assert_eq!((&header).key(), "uber-trace-id");
/// assert_eq!(header.value(), b"1:2:0:1");
/// ```
pub trait Header {
    /// Returns the key, or header name.
    fn key(&self) -> &str;

    /// Returns the value.
    fn value(&self) -> &[u8];
}

/// Target of `inject`.
///
/// Maps and vectors replace an earlier header of the key, in any case. A closure that takes key
/// and value is a carrier too:
///
/// ```
/// use picojaeger_std::carriers::CarrierMut;
///
/// fn inject(carrier: &mut impl CarrierMut) {
///     carrier.set("uber-trace-id", "1:2:0:1");
/// }
///
/// let mut headers = vec![("host".to_owned(), "example.com".to_owned())];
/// inject(&mut headers);
/// assert_eq!(headers[1].0, "uber-trace-id");
///
/// let mut request = String::from("GET / HTTP/1.1\r\n");
/// inject(&mut |key: &str, value: &str| request += &format!("{key}: {value}\r\n"));
/// assert!(request.ends_with("\r\nuber-trace-id: 1:2:0:1\r\n"));
/// ```
pub trait CarrierMut {
    /// Sets one header, and replaces an earlier one of this key if the carrier can.
    fn set(&mut self, key: &str, value: &str);
}

/// Target of `inject` whose values are bytes: every container that takes pairs by
/// [`Extend`], such as a map, or the headers of a message queue.
///
/// A map replaces an earlier header of exactly this key; a vector keeps both.
///
/// ```
/// use std::collections::BTreeMap;
/// use picojaeger_std::carriers::{ByteValues, CarrierMut};
///
/// let mut headers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
/// ByteValues(&mut headers).set("uber-trace-id", "1:2:0:1");
/// assert_eq!(headers["uber-trace-id"], b"1:2:0:1");
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "it only borrows the container")]
pub struct ByteValues<'c, C>(pub &'c mut C);

/// Adapter of a carrier to the core's traits.
pub(crate) struct Bridge<C>(pub(crate) C);

impl<I> Carrier for I
where
    I: IntoIterator<Item: Header> + Clone,
{
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        for header in self.clone() {
            visit(header.key(), header.value());
        }
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Header for (K, V) {
    fn key(&self) -> &str {
        self.0.as_ref()
    }

    fn value(&self) -> &[u8] {
        self.1.as_ref()
    }
}

impl<H: Header> Header for &H {
    fn key(&self) -> &str {
        (**self).key()
    }

    fn value(&self) -> &[u8] {
        (**self).value()
    }
}

/// Replaces headers of this key in any case.
impl<S: BuildHasher> CarrierMut for HashMap<String, String, S> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|known, _| !known.eq_ignore_ascii_case(key));
        self.insert(key.to_owned(), value.to_owned());
    }
}

/// Replaces headers of this key in any case.
impl CarrierMut for BTreeMap<String, String> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|known, _| !known.eq_ignore_ascii_case(key));
        self.insert(key.to_owned(), value.to_owned());
    }
}

/// Removes the headers of this key in any case, then appends the new one.
impl CarrierMut for Vec<(String, String)> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
        self.push((key.to_owned(), value.to_owned()));
    }
}

impl<C: Extend<(String, Vec<u8>)>> CarrierMut for ByteValues<'_, C> {
    fn set(&mut self, key: &str, value: &str) {
        let header = (key.to_owned(), value.as_bytes().to_vec());
        self.0.extend([header]);
    }
}

impl<F: FnMut(&str, &str)> CarrierMut for F {
    fn set(&mut self, key: &str, value: &str) {
        self(key, value);
    }
}

impl<C: Carrier> TextMapReader for Bridge<C> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.0.for_each(visit);
    }
}

impl<C: CarrierMut + ?Sized> TextMapWriter for Bridge<&mut C> {
    fn set(&mut self, key: &str, value: &str) -> Result<(), CarrierFull> {
        self.0.set(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picojaeger_core::{Flags, SpanContext, SpanId, TextMapCodec, TraceId};

    const KEY: &str = "uber-trace-id";

    fn context() -> SpanContext {
        SpanContext::new(
            TraceId::from_parts(0, 1),
            SpanId::new(2),
            Flags::SAMPLED | Flags::REMOTE,
        )
    }

    fn extract(carrier: impl Carrier) -> Option<SpanContext> {
        let codec = TextMapCodec::http();
        let mut scratch = [0; 64];
        let found = codec.extract(&Bridge(carrier), &mut (), &mut scratch);
        found.context.unwrap()
    }

    fn inject(carrier: &mut (impl CarrierMut + ?Sized)) {
        let codec = TextMapCodec::http();
        let none = std::iter::empty::<(&str, &str)>();
        let injected = codec.inject(&context(), none, &mut Bridge(carrier), &mut [0; 64]);
        injected.unwrap();
    }

    #[test]
    fn each_container_round_trips_a_context() {
        let mut hashed = HashMap::new();
        inject(&mut hashed);
        assert_eq!(extract(&hashed), Some(context()));

        let mut sorted = BTreeMap::new();
        inject(&mut sorted);
        assert_eq!(extract(&sorted), Some(context()));

        let mut listed: Vec<(String, String)> = Vec::new();
        inject(&mut listed);
        assert_eq!(extract(&listed), Some(context()));
        assert_eq!(extract(listed.as_slice()), Some(context()));
        assert_eq!(extract(listed), Some(context()));
    }

    #[test]
    fn borrowed_pairs_bytes_and_iterators_are_read() {
        assert_eq!(extract([(KEY, "1:2:0:1")]), Some(context()));
        assert_eq!(extract(&[(KEY, b"1:2:0:1".to_vec())]), Some(context()));
        let lines = "host: a\nUber-Trace-Id: 1:2:0:1";
        let headers = lines.lines().filter_map(|line| line.split_once(": "));
        assert_eq!(extract(headers), Some(context()));
        assert_eq!(extract([("host", "a")]), None);
    }

    #[test]
    fn containers_of_bytes_are_written() {
        let mut hashed: HashMap<String, Vec<u8>> = HashMap::new();
        inject(&mut ByteValues(&mut hashed));
        inject(&mut ByteValues(&mut hashed));
        assert_eq!((hashed.len(), extract(&hashed)), (1, Some(context())));
        let mut listed: Vec<(String, Vec<u8>)> = Vec::new();
        inject(&mut ByteValues(&mut listed));
        assert_eq!(extract(&listed), Some(context()));
    }

    #[test]
    fn a_closure_is_written() {
        let mut written = Vec::new();
        inject(&mut |key: &str, value: &str| written.push(format!("{key}: {value}")));
        assert_eq!(
            written,
            ["uber-trace-id: 0000000000000001:0000000000000002:0:1"]
        );
    }

    #[test]
    fn a_forwarded_header_in_another_case_is_replaced() {
        let forwarded = [("Uber-Trace-Id".to_owned(), "7:8:0:1".to_owned())];
        let mut hashed = HashMap::from(forwarded.clone());
        let mut sorted = BTreeMap::from(forwarded.clone());
        let mut listed = Vec::from(forwarded);
        inject(&mut hashed);
        inject(&mut sorted);
        inject(&mut listed);
        assert_eq!(extract(&hashed), Some(context()));
        assert_eq!(extract(&sorted), Some(context()));
        assert_eq!(extract(&listed), Some(context()));
    }

    #[test]
    fn a_vector_has_each_key_once() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut headers = vec![
            pair("a", "1"),
            pair(KEY, "old"),
            pair("b", "2"),
            pair(KEY, "older"),
        ];
        headers.set(KEY, "new");
        assert_eq!(headers, [pair("a", "1"), pair("b", "2"), pair(KEY, "new")]);
    }
}

//! The rules that the values of a collector's settings keep.

use std::time::Duration;

use super::Target;
use super::endpoint::{Secret, WrittenEndpoint};
use crate::config::settings::setting::{Violation, require};

pub(in crate::config::settings) const SPANS: &str = "1 to 65535 spans";

/// An address that this build can send to.
pub(super) fn target((_, text): &Target) -> Result<(), Violation> {
    let written = WrittenEndpoint::parse(text.expose())?;
    require(
        cfg!(feature = "http"),
        "this build cannot send over HTTP",
        "the feature `http` of picojaeger-std",
    )?;
    require(
        cfg!(feature = "tls") || !written.endpoint.is_https(),
        "this build has no TLS",
        "the feature `tls` of picojaeger-std, or http://",
    )
}

pub(super) fn user(user: &Secret) -> Result<(), Violation> {
    require(
        !user.expose().contains(':'),
        "a colon in it",
        "a user without one",
    )
}

pub(super) fn header((name, value): &(String, Secret)) -> Result<(), Violation> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let ours = [
        "content-type",
        "content-encoding",
        "content-length",
        "host",
        "transfer-encoding",
    ];
    let is_free = !ours.iter().any(|ours| name.eq_ignore_ascii_case(ours));
    let names =
        "letters, digits and dashes, and none of content-type, content-length, host and the like";
    require(
        !name.is_empty() && name.bytes().all(token) && is_free,
        "not a header's name",
        names,
    )?;
    header_value(value)
}

pub(super) fn header_value(value: &Secret) -> Result<(), Violation> {
    let mut bytes = value.expose().bytes();
    let printable = bytes.all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    require(printable, "not the value of a header", "printable ASCII")
}

pub(super) fn retry_time(time: &Duration) -> Result<(), Violation> {
    let fits = *time <= Duration::from_secs(24 * 60 * 60);
    require(fits, "out of range", "0 to 1 day")
}

pub(super) fn max_batch_spans(spans: &usize) -> Result<(), Violation> {
    require((1..=65_535).contains(spans), "out of range", SPANS)
}

pub(super) fn max_batch_bytes(bytes: &usize) -> Result<(), Violation> {
    let fits = (512..=64 << 20).contains(bytes);
    require(fits, "out of range", "512 to 67108864 bytes")
}

pub(super) fn gzip(gzip: &bool) -> Result<(), Violation> {
    require(
        cfg!(feature = "gzip") || !gzip,
        "this build cannot compress",
        "the feature `gzip` of picojaeger-std",
    )
}

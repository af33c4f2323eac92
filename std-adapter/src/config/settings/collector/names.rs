//! Keys and variables of the collector, in all spellings.

use std::time::Duration;

use super::Protocol;
use super::endpoint::{Secret, WrittenEndpoint};
use super::rules::SPANS;
use crate::config::error::ConfigError;
use crate::config::settings::layer::{Layer, Names};
use crate::config::source::{Entry, Value};

pub(in crate::config::settings) static NAMES: Names = Names {
    keys: &[
        (
            &[
                "collector.endpoint",
                "reporter.collectorEndpoint",
                "reporter.endpoint",
            ],
            read_thrift,
        ),
        (&["collector.otlp_endpoint"], |layer, entry| {
            read_target(layer, entry, Protocol::Otlp)
        }),
        (
            &["collector.user", "reporter.user", "reporter.username"],
            |layer, entry| layer.collector.user.read(entry, secret),
        ),
        (
            &["collector.password", "reporter.password"],
            |layer, entry| layer.collector.password.read(entry, secret),
        ),
        (&["collector.auth_token"], |layer, entry| {
            layer.collector.token.read(entry, secret)
        }),
        (
            &["collector.headers", "reporter.http_headers"],
            |layer, entry| match entry.is_off() {
                true => Ok(()),
                false => layer.collector.headers.read(entry, read_headers),
            },
        ),
        (&["collector.timeout"], |layer, entry| {
            layer
                .collector
                .timeout
                .read(entry, |entry| timeout(entry, entry.duration()))
        }),
        (&["reporter.timeoutMs"], |layer, entry| {
            layer
                .collector
                .timeout
                .read(entry, |entry| timeout(entry, entry.milliseconds()))
        }),
        (&["collector.retry_time"], |layer, entry| {
            layer.collector.retry_time.read(entry, Entry::duration)
        }),
        (&["collector.max_batch_spans"], |layer, entry| {
            layer.collector.max_batch_spans.read(entry, |entry| {
                entry
                    .as_integer()
                    .ok_or_else(|| entry.wrong("not a number of spans", SPANS))
            })
        }),
        (&["collector.max_batch_bytes"], |layer, entry| {
            layer.collector.max_batch_bytes.read(entry, Entry::bytes)
        }),
        (&["collector.gzip"], |layer, entry| {
            layer.collector.gzip.read(entry, Entry::boolean)
        }),
        (&["collector.certificate"], |layer, entry| {
            layer.collector.certificate.read(entry, Entry::text)
        }),
        (&["collector.client_certificate"], |layer, entry| {
            let setting = &mut layer.collector.client_certificate;
            setting.read(entry, Entry::text)
        }),
        (&["collector.client_key"], |layer, entry| {
            layer.collector.client_key.read(entry, Entry::text)
        }),
    ],
    variables: &[
        ("JAEGER_ENDPOINT", read_thrift),
        ("JAEGER_REPORTER_ENDPOINT", |layer, entry| {
            layer.warn(entry, "an old name; use JAEGER_ENDPOINT");
            read_thrift(layer, entry)
        }),
        ("JAEGER_USER", |layer, entry| {
            layer.collector.user.read(entry, secret)
        }),
        ("JAEGER_REPORTER_USER", |layer, entry| {
            layer.warn(entry, "an old name; use JAEGER_USER");
            layer.collector.user.read(entry, secret)
        }),
        ("JAEGER_PASSWORD", |layer, entry| {
            layer.collector.password.read(entry, secret)
        }),
        ("JAEGER_REPORTER_PASSWORD", |layer, entry| {
            layer.warn(entry, "an old name; use JAEGER_PASSWORD");
            layer.collector.password.read(entry, secret)
        }),
        ("JAEGER_AUTH_TOKEN", |layer, entry| {
            layer.collector.token.read(entry, secret)
        }),
        ("JAEGER_REPORTER_TIMEOUT", |layer, entry| {
            layer
                .collector
                .timeout
                .read(entry, |entry| timeout(entry, entry.duration()))
        }),
    ],
};

fn read_thrift(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    read_target(layer, entry, Protocol::Thrift)
}

/// Reads an address of this protocol; one without a scheme is `http://`, with a warning.
pub(super) fn read_target(
    layer: &mut Layer,
    entry: &Entry<'_>,
    protocol: Protocol,
) -> Result<(), ConfigError> {
    let setting = &mut layer.collector.target;
    setting.read(&entry.hidden(), |entry| Ok((protocol, secret(entry)?)))?;
    warn_of_missing_scheme(layer, entry, entry.as_text().unwrap_or_default());
    Ok(())
}

/// Takes this address for a value, like [`read_target`]; a wrong one is as if there were none.
pub(in crate::config::settings) fn set_target(
    layer: &mut Layer,
    entry: &Entry<'_>,
    protocol: Protocol,
    text: &str,
) -> Result<(), ConfigError> {
    let setting = &mut layer.collector.target;
    setting.set(&entry.hidden(), (protocol, Secret::new(text)))?;
    warn_of_missing_scheme(layer, entry, text);
    Ok(())
}

fn warn_of_missing_scheme(layer: &mut Layer, entry: &Entry<'_>, text: &str) {
    if WrittenEndpoint::parse(text).is_ok_and(|written| !written.has_scheme) {
        layer.warn(entry, "no scheme, so http:// is used");
    }
}

pub(in crate::config::settings) fn secret(entry: &Entry<'_>) -> Result<Secret, ConfigError> {
    entry.hidden().text().map(Secret::new)
}

/// Reads a map of names and values.
fn read_headers(entry: &Entry<'_>) -> Result<Vec<(String, Secret)>, ConfigError> {
    let Value::Map(pairs) = entry.value else {
        return Err(entry
            .hidden()
            .wrong("not a map", "names and values of headers"));
    };
    let mut headers = Vec::new();
    for (key, node) in pairs {
        headers.push((key.text.clone(), secret(&entry.child(&key.text, node))?));
    }
    Ok(headers)
}

/// Reads a time; zero means none.
fn timeout(
    entry: &Entry<'_>,
    time: Result<Duration, ConfigError>,
) -> Result<Option<Duration>, ConfigError> {
    match entry.is_zero() {
        true => Ok(None),
        false => time.map(Some),
    }
}

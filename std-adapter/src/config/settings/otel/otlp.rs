//! OTLP over HTTP: the endpoint, and the requests to it.

use std::time::Duration;

use super::OtelName;
use super::exporter::{Exporter, exporter};
use super::value::pairs;
use crate::config::error::{ConfigError, clean};
use crate::config::settings::collector::{Protocol, Secret, WrittenEndpoint, set_target};
use crate::config::settings::layer::Layer;
use crate::config::source::{Entry, Variables};

const DEFAULT: &str = "http://localhost:4318/v1/traces";
const GRPC: &str = "grpc is not supported; OTLP goes over HTTP (http/protobuf), which collectors read at \
                    port 4318";
const GRPC_PORT: &str = "port 4317 is that of gRPC; OTLP over HTTP is read at port 4318";

/// The endpoints. Those of exporters that are not chosen have no effect.
pub(super) static ENDPOINTS: &[OtelName] = &[
    // Taken as it is; without a path it is that of the root.
    (
        &["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
        |layer, entry, variables| {
            endpoint(layer, entry, variables, |path| match path {
                "" => "/".into(),
                path => path.into(),
            })
        },
    ),
    // The base of each signal's path.
    (
        &["OTEL_EXPORTER_OTLP_ENDPOINT"],
        |layer, entry, variables| {
            if layer.collector.protocol() == Some(Protocol::Otlp) {
                return Ok(());
            }
            endpoint(layer, entry, variables, |path| {
                format!("{}/v1/traces", path.trim_end_matches('/'))
            })
        },
    ),
];

/// The requests.
pub(super) static NAMES: &[OtelName] = &[
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ],
        |layer, entry, _| protocol(layer, entry),
    ),
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ],
        |layer, entry, _| match layer.collector.protocol() {
            Some(Protocol::Thrift) => Ok(()),
            _ => headers(layer, &entry.hidden()),
        },
    ),
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
        ],
        |layer, entry, _| {
            let timeout = entry.milliseconds()?;
            let timeout = Some(timeout).filter(|timeout| *timeout > Duration::ZERO);
            layer.collector.timeout.set(entry, timeout)
        },
    ),
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
            "OTEL_EXPORTER_OTLP_COMPRESSION",
        ],
        |layer, entry, _| {
            let gzip = entry.choice(&[("gzip", true), ("none", false)], "gzip or none")?;
            layer.collector.gzip.set(entry, gzip)
        },
    ),
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
        ],
        |layer, entry, _| layer.collector.certificate.set(entry, entry.text()?),
    ),
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        ],
        |layer, entry, _| {
            let setting = &mut layer.collector.client_certificate;
            setting.set(entry, entry.text()?)
        },
    ),
    (
        &[
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        ],
        |layer, entry, _| layer.collector.client_key.set(entry, entry.text()?),
    ),
];

/// Reads an endpoint, whose path `complete` completes.
fn endpoint(
    layer: &mut Layer,
    entry: &Entry<'_>,
    variables: &Variables,
    complete: impl FnOnce(&str) -> String,
) -> Result<(), ConfigError> {
    if !matches!(exporter(variables), Exporter::Unset | Exporter::Otlp) {
        return Ok(());
    }
    let text = entry.text()?;
    let written = WrittenEndpoint::parse(&text);
    let written = written.map_err(|violation| entry.hidden().invalid(violation))?;
    if written.endpoint.port() == Some(4317) {
        layer.warn(entry, GRPC_PORT);
    }
    set_target(layer, entry, Protocol::Otlp, &with_path(&text, complete))
}

/// Completes the path of an address that can be parsed; a query stays behind it.
fn with_path(address: &str, complete: impl FnOnce(&str) -> String) -> String {
    let (before, query) = address.split_at(address.find('?').unwrap_or(address.len()));
    let (scheme, rest) = before.split_at(before.find("://").map_or(0, |at| at + 3));
    let (server, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}{server}{}{query}", complete(path))
}

/// Takes OpenTelemetry's default, unless there is an endpoint.
pub(super) fn default_endpoint(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    match layer.collector.protocol() {
        Some(Protocol::Otlp) => Ok(()),
        _ => set_target(layer, entry, Protocol::Otlp, DEFAULT),
    }
}

fn protocol(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    match entry.text()?.to_ascii_lowercase().as_str() {
        "http/protobuf" => {}
        "grpc" => layer.warn(entry, GRPC),
        other => {
            let message = format!("{} is not supported; use http/protobuf", clean(other));
            layer.warn(entry, message);
        }
    }
    Ok(())
}

fn headers(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    let text = entry.as_text().unwrap_or_default();
    let pairs = pairs(text).map_err(|violation| entry.invalid(violation))?;
    let headers = pairs
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)));
    layer.collector.headers.set(entry, headers.collect())
}

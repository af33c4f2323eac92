//! Traces as files: Jaeger's JSON and OTLP's.
//!
//! What a file has no place for is lost: OTLP knows neither the debug flag nor times before 1970, and what marks an error in
//! Jaeger's model becomes a status, which gives `otel.status_code` and `error` when it is read. A parent that only a reference
//! names becomes the parent. All else is read back as it was.

mod export_jaeger;
mod export_otlp;
mod import;
mod import_jaeger;
mod processes;
#[cfg(test)]
mod tests;

pub(crate) use export_jaeger::jaeger;
pub(crate) use export_otlp::otlp;
pub(crate) use import::import;

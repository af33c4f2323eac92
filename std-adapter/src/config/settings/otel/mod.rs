//! OpenTelemetry's variables, read into the settings that they stand for.
//!
//! Such a variable may be meant for all programs of a pod. So a wrong value is ignored with a
//! warning, and never an error. Source: the specification's "Environment Variable Specification".

mod exporter;
mod halves;
mod limits;
mod otlp;
mod process;
mod propagators;
mod sampler;
mod value;

pub(crate) use halves::drop_halves;

use super::layer::Layer;
use crate::config::error::ConfigError;
use crate::config::source::{Entry, Variables};

/// A setting: its variables, and the function that reads one. Of the variables that are set, the
/// first with a good value counts.
pub(crate) type OtelName = (&'static [&'static str], ApplyOtel);

/// Reads a value into its setting; some values need another variable's.
type ApplyOtel = fn(&mut Layer, &Entry<'_>, &Variables) -> Result<(), ConfigError>;

/// The variables of each subject, in the order in which they are read.
pub(crate) fn otel_names() -> impl Iterator<Item = &'static OtelName> {
    let subjects = [
        process::NAMES,
        propagators::NAMES,
        sampler::NAMES,
        otlp::ENDPOINTS,
        exporter::NAMES,
        otlp::NAMES,
        limits::NAMES,
    ];
    subjects.into_iter().flatten()
}

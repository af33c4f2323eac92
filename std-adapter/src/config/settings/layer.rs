//! One layer of optional settings: those of the file, of the environment, or of code.

use std::borrow::Cow;

use super::agent::AgentLayer;
use super::collector::CollectorLayer;
use super::limits::LimitLayer;
use super::process::ProcessLayer;
use super::propagation::PropagationLayer;
use super::reporter::ReporterLayer;
use super::sampler::SamplerLayer;
use super::sampling::SamplingLayer;
use super::server::ServiceLayer;
use super::spans::SpanLayer;
#[cfg(feature = "yaml")]
use super::tracer::Mode;
use super::tracer::TracerLayer;
use super::{
    agent, collector, limits, process, propagation, receivers, reporter, restrictions, sampler,
    sampling, spans, throttler, tracer,
};
use crate::config::error::ConfigError;
use crate::config::source::Entry;
use crate::config::{Config, ConfigWarning};

/// The optional settings, by subject, and what was wrong with their source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) process: ProcessLayer,
    pub(crate) tracer: TracerLayer,
    pub(crate) sampler: SamplerLayer,
    pub(crate) sampling: SamplingLayer,
    pub(crate) throttler: ServiceLayer,
    pub(crate) agent: AgentLayer,
    pub(crate) collector: CollectorLayer,
    pub(crate) reporter: ReporterLayer,
    pub(crate) propagation: PropagationLayer,
    pub(crate) restrictions: ServiceLayer,
    pub(crate) limits: LimitLayer,
    pub(crate) spans: SpanLayer,
    /// The receivers beside the first one.
    pub(crate) also_send_to: Vec<Config>,
    pub(crate) faults: Vec<ConfigError>,
    pub(crate) warnings: Vec<ConfigWarning>,
}

impl Layer {
    /// The layer of a source that cannot be read where tracing is disabled.
    #[cfg(feature = "yaml")]
    pub(crate) fn disabled(fault: ConfigError) -> Self {
        let mut layer = Layer::default();
        layer.tracer.mode.put("from_yaml_file", Mode::Off);
        layer.faults.push(fault);
        layer
    }

    /// Returns whether the layer names where spans go.
    pub(super) fn names_receiver(&self) -> bool {
        let AgentLayer {
            enabled,
            host,
            port,
            ..
        } = &self.agent;
        let names_agent =
            enabled.made().is_some() || host.made().is_some() || port.made().is_some();
        names_agent || self.collector.target.made().is_some()
    }

    /// Keeps the fault of an outcome, if it is one.
    pub(crate) fn keep(&mut self, outcome: Result<(), ConfigError>) {
        self.faults.extend(outcome.err());
    }

    pub(crate) fn warn(&mut self, entry: &Entry<'_>, message: impl Into<Cow<'static, str>>) {
        let warning = ConfigWarning::new(entry.origin.clone(), message);
        self.warnings.push(warning);
    }

    /// Warns of a value that is ignored because it is wrong.
    pub(crate) fn warn_of_ignored(&mut self, entry: &Entry<'_>, fault: &ConfigError) {
        let message = match fault {
            ConfigError::Invalid {
                found,
                problem,
                accepted,
                ..
            } => format!("\"{found}\" is ignored: {problem}; use {accepted}"),
            other => format!("ignored: {other}"),
        };
        self.warn(entry, message);
    }

    /// Accepts a value without effect: with a warning, unless it asks for nothing.
    pub(crate) fn ignore(
        &mut self,
        entry: &Entry<'_>,
        message: &'static str,
    ) -> Result<(), ConfigError> {
        if !entry.is_off() {
            self.warn(entry, message);
        }
        Ok(())
    }
}

/// Reads a value into its setting.
pub(crate) type Apply = fn(&mut Layer, &Entry<'_>) -> Result<(), ConfigError>;

/// The names of one subject's settings outside of code.
pub(crate) struct Names {
    /// The keys of a file, with all spellings of each: ours, then those of Python, Go and Node.
    /// Points separate the levels of maps. The unit belongs to the spelling.
    pub(crate) keys: &'static [(&'static [&'static str], Apply)],
    /// The environment variables.
    pub(crate) variables: &'static [(&'static str, Apply)],
}

/// The names of each subject.
pub(crate) static SUBJECTS: [&Names; 13] = [
    &process::NAMES,
    &tracer::NAMES,
    &sampler::NAMES,
    &sampling::NAMES,
    &agent::NAMES,
    &collector::NAMES,
    &reporter::NAMES,
    &propagation::NAMES,
    &limits::NAMES,
    &spans::NAMES,
    &receivers::NAMES,
    &throttler::NAMES,
    &restrictions::NAMES,
];

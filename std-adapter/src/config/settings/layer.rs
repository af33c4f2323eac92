//! One layer of optional settings: those of the file, of the environment, or of code.

use super::agent::AgentLayer;
use super::process::ProcessLayer;
use super::propagation::PropagationLayer;
use super::reporter::ReporterLayer;
use super::sampler::SamplerLayer;
use super::tracer::TracerLayer;
use super::{agent, process, propagation, reporter, sampler, tracer};
use crate::config::error::ConfigError;
use crate::config::source::Entry;

/// The optional settings, by subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) process: ProcessLayer,
    pub(crate) tracer: TracerLayer,
    pub(crate) sampler: SamplerLayer,
    pub(crate) agent: AgentLayer,
    pub(crate) reporter: ReporterLayer,
    pub(crate) propagation: PropagationLayer,
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
pub(crate) static SUBJECTS: [&Names; 6] = [
    &process::NAMES,
    &tracer::NAMES,
    &sampler::NAMES,
    &agent::NAMES,
    &reporter::NAMES,
    &propagation::NAMES,
];
